import type { UserConfig } from 'vite'

/** What gives a page threads that share memory. A server of the built page has to send them too. */
const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }

export default {
  // The model that comes with the package lies beside the page, as `phi-nano`.
  publicDir: 'node_modules/pocket-phi/models',
  server: { headers },
  preview: { headers },
  build: { target: 'es2024' },
} satisfies UserConfig
