import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'
import { headersFor } from './build/headers.ts'
import { hubOrigins } from './build/hub.ts'
import { listForServiceWorker, policyInPage, shippedModel, shippedScreenshots } from './build/plugins.ts'
import { viteOptions } from './build/vite-options.ts'

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const hub = hubOrigins()
const input = { page: file('index.html'), 'service-worker': file('src/service-worker/service-worker.ts') }

export default defineConfig(async ({ command }) => ({
  ...(await viteOptions(input, 'assets/[name]-[hash].js')),
  root: file('.'),
  define: { HUB_ORIGINS: JSON.stringify(hub), IS_BUILT: command === 'build' },
  oxc: { jsx: { runtime: 'automatic' as const, importSource: 'preact' } },
  plugins: [policyInPage(), shippedModel('phi-nano'), shippedScreenshots(), listForServiceWorker()],
  server: { headers: { ...headersFor(hub)('/'), 'content-security-policy': '' } },
}))
