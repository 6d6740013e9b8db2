import { fileURLToPath } from 'node:url'
import { packageEntries, serviceWorkerFile, shippedModel } from '@pocket-phi/web/build/plugins'
import { defineConfig } from 'vite'

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** How long plugins of the bundler take is no fault of the page. */
const checks = { pluginTimings: false }

/** The scripts of the playground, and the model; TypeDoc writes the pages. */
export default defineConfig(async () => ({
  root: file('.'),
  base: './',
  publicDir: false as const,
  resolve: { alias: await packageEntries() },
  plugins: [shippedModel('phi-nano')],
  worker: { format: 'es' as const, rolldownOptions: { checks } },
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      checks,
      input: { playground: file('playground/main.ts'), 'service-worker': file('service-worker/service-worker.ts') },
      output: {
        entryFileNames: ({ name }: { readonly name: string }) =>
          name === 'service-worker' ? serviceWorkerFile : `assets/${name}.js`,
      },
    },
  },
}))
