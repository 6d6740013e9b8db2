import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'
import { headersFor } from './build/headers.ts'
import { hubOrigins } from './build/hub.ts'
import {
  listForServiceWorker,
  packageEntries,
  policyInPage,
  serviceWorkerFile,
  shippedModel,
  shippedScreenshots,
} from './build/plugins.ts'

const folder = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const hub = hubOrigins()

/** How long plugins of the bundler take is no fault of the page. */
const checks = { pluginTimings: false }

export default defineConfig(async ({ command }) => ({
  root: folder('.'),
  // Relative, so that the page can lie in any folder of a host.
  base: './',
  define: { HUB_ORIGINS: JSON.stringify(hub), IS_BUILT: command === 'build' },
  resolve: { alias: await packageEntries() },
  oxc: { jsx: { runtime: 'automatic' as const, importSource: 'preact' } },
  plugins: [policyInPage(), shippedModel('phi-nano'), shippedScreenshots(), listForServiceWorker()],
  worker: { format: 'es' as const, rolldownOptions: { checks } },
  server: { headers: { ...headersFor(hub)('/'), 'content-security-policy': '' } },
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      checks,
      input: { page: folder('index.html'), 'service-worker': folder('src/service-worker/service-worker.ts') },
      output: {
        entryFileNames: ({ name }: { readonly name: string }) =>
          name === 'service-worker' ? serviceWorkerFile : 'assets/[name]-[hash].js',
      },
    },
  },
}))
