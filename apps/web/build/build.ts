import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { hubOrigins } from './hub.ts'

/** Builds the page into a folder, which is emptied. @param hub other origins to download models from than the usual */
export async function buildPage(outDir: string, hub = hubOrigins()): Promise<void> {
  await build({
    configFile: fileURLToPath(new URL('../vite.config.ts', import.meta.url)),
    logLevel: 'warn',
    define: { HUB_ORIGINS: JSON.stringify(hub) },
    build: { outDir, emptyOutDir: true },
  })
}
