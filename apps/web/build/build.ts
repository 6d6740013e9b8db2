import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { hubOrigins } from './hub.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Builds the page into a folder, which is emptied, and the kernels where their sources have changed. @param hub other origins to download models from than the usual */
export async function buildPage(outDir: string, hub = hubOrigins()): Promise<void> {
  execFileSync(process.execPath, [path.join(root, 'scripts', 'build-kernels.ts')])
  await build({
    configFile: fileURLToPath(new URL('../vite.config.ts', import.meta.url)),
    logLevel: 'warn',
    define: { HUB_ORIGINS: JSON.stringify(hub) },
    build: { outDir, emptyOutDir: true },
  })
}
