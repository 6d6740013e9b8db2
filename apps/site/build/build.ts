import { execFileSync } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { integrityOf, serviceWorkerFile, withFileList } from '@pocket-phi/web/build/plugins'
import { build } from 'vite'
import { writePages } from './reference.ts'
import { root } from './root.ts'

/** Tells the service worker which files make the site, each with its digest. */
async function listFiles(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.name !== serviceWorkerFile)
  const list = files.map(async (entry) => {
    const file = path.join(entry.parentPath, entry.name)
    return [path.relative(folder, file).split(path.sep).join('/'), integrityOf(await readFile(file))] as const
  })
  const worker = path.join(folder, serviceWorkerFile)
  await writeFile(worker, withFileList(await readFile(worker, 'utf8'), await Promise.all(list)))
}

/** Builds the site into a folder, which is emptied, and the kernels where their sources have changed. @throws as `writePages` */
export async function buildSite(folder: string): Promise<void> {
  execFileSync(process.execPath, [path.join(root, 'scripts', 'build-kernels.ts')])
  await writePages(folder)
  await build({
    configFile: fileURLToPath(new URL('../vite.config.ts', import.meta.url)),
    logLevel: 'warn',
    build: { outDir: folder, emptyOutDir: false },
  })
  await listFiles(folder)
}
