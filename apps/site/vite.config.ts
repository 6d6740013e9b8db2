import { fileURLToPath } from 'node:url'
import { shippedModel } from '@pocket-phi/web/build/plugins'
import { viteOptions } from '@pocket-phi/web/build/vite-options'
import { defineConfig } from 'vite'

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const input = { playground: file('playground/main.ts'), 'service-worker': file('service-worker/service-worker.ts') }

/** The scripts of the playground, and the model; TypeDoc writes the pages, which name the scripts. */
export default defineConfig(async () => ({
  ...(await viteOptions(input, 'assets/[name].js')),
  root: file('.'),
  publicDir: false as const,
  plugins: [shippedModel('phi-nano')],
}))
