/** How the pages of this repository are built, the chat page and the playground alike. */
import type { UserConfig } from 'vite'
import { packageEntries, serviceWorkerFile } from './plugins.ts'

/** How long plugins of the bundler take is no fault of the page. */
const checks = { pluginTimings: false }

/**
 * @param input files that the build begins with, by their names; `service-worker` becomes the file at the top
 * @param scripts how the others are called, as a pattern of Rolldown
 */
export async function viteOptions(input: Readonly<Record<string, string>>, scripts: string) {
  return {
    // Relative, so that pages can lie in any folder of a host.
    base: './',
    resolve: { alias: await packageEntries() },
    worker: { format: 'es', rolldownOptions: { checks } },
    build: {
      target: 'es2023',
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rolldownOptions: {
        checks,
        input,
        output: { entryFileNames: ({ name }) => (name === 'service-worker' ? serviceWorkerFile : scripts) },
      },
    },
  } satisfies UserConfig
}
