/** The package as its users get it, and a page that uses it: once bundled, once as modules that the browser loads itself. */
import { spawnSync } from 'node:child_process'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { build, transformWithOxc, type LogOptions, type Rolldown } from 'vite'
import { root } from './root.ts'
import type { Files } from './server.ts'

const jinja = '@huggingface/jinja'

/** Runs one of our scripts. @throws Error with what it said when it fails */
function runScript(name: string, ...words: readonly string[]): void {
  const command = [path.join(root, 'scripts', name), ...words]
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${name} failed:\n${stdout}${stderr}`)
}

/** Installs the package in a folder, as it is built, with the model that ships. */
export async function installPackage(folder: string): Promise<void> {
  const installed = path.join(folder, 'node_modules', 'pocket-phi')
  await mkdir(installed, { recursive: true })
  // First, because the build sees to it that all files are there which others name.
  await cp(path.join(root, 'package.json'), path.join(installed, 'package.json'))
  runScript('build.ts', path.join(installed, 'dist'))
  await cp(path.join(root, 'node_modules', jinja), path.join(folder, 'node_modules', jinja), { recursive: true })
  const model = path.join('models', 'phi-nano')
  const isShipped = (file: string): boolean => !file.startsWith(path.join(root, model, 'master'))
  await cp(path.join(root, model), path.join(installed, model), { recursive: true, filter: isShipped })
}

/** Makes a folder of somebody who installed the package, with a page that imports it. */
export async function makeUserFolder(folder: string): Promise<void> {
  await installPackage(folder)
  // The page is checked against the sources and imports the package.
  const page = await readFile(path.join(root, 'tests/browser/page.ts'), 'utf8')
  const installedPage = page
    .replaceAll(`'../../src/index.ts'`, `'pocket-phi'`)
    .replaceAll(`'../../src/worker/index.ts'`, `'pocket-phi/worker'`)
  await writeFile(path.join(folder, 'page.ts'), installedPage)
  await writeFile(path.join(folder, 'index.html'), html('', './page.ts'))
}

function html(head: string, script: string): string {
  // An icon of its own, so that the browser asks for none.
  return `<!doctype html><link rel="icon" href="data:,">${head}<input type="file" multiple><script type="module" src="${script}"></script>`
}

export interface Bundle {
  readonly files: ReadonlyMap<string, Uint8Array>
  /** What the bundler complained about. */
  readonly complaints: readonly string[]
}

/** Bundles the page with Vite's own settings; only paths are relative, because two servers' folders hold the bundle. */
export async function bundle(folder: string): Promise<Bundle> {
  // A page does not see what its kernels were built from.
  runScript('build-kernels.ts')
  const complaints: string[] = []
  const complain = (message: string, _options?: LogOptions): unknown => complaints.push(message)
  const result = (await build({
    root: folder,
    base: './',
    configFile: false,
    logLevel: 'warn',
    // Timings are no fault of ours.
    build: { write: false, rolldownOptions: { checks: { pluginTimings: false } } },
    worker: { rolldownOptions: { checks: { pluginTimings: false } } },
    customLogger: {
      hasWarned: false,
      info() {},
      warn: complain,
      warnOnce: complain,
      error: complain,
      clearScreen() {},
      hasErrorLogged: () => false,
    },
  })) as Rolldown.RolldownOutput
  const bytes = (content: string | Uint8Array): Uint8Array =>
    typeof content === 'string' ? new TextEncoder().encode(content) : content
  const files = result.output.map(
    (part) => [part.fileName, bytes(part.type === 'chunk' ? part.code : part.source)] as const,
  )
  return { files: new Map(files), complaints }
}

/** All files below a folder, by their paths in it. */
export async function filesBelow(folder: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name)
    if (entry.isFile()) files.set(path.relative(folder, file), await readFile(file))
  }
  return files
}

/** The page without a bundler: the package's own files and an import map. */
export async function unbundled(folder: string): Promise<Files> {
  const installed = await filesBelow(path.join(folder, 'node_modules'))
  const files = new Map([...installed].filter(([name]) => /\.(?:js|wasm)$/.test(name)))
  const imports = {
    'pocket-phi': './pocket-phi/dist/index.js',
    'pocket-phi/worker': './pocket-phi/dist/worker/index.js',
    [jinja]: `./${jinja}/dist/index.js`,
  }
  const map = `<script type="importmap">${JSON.stringify({ imports })}</script>`
  const page = await transformWithOxc(await readFile(path.join(folder, 'page.ts'), 'utf8'), 'page.ts')
  files.set('page.js', new TextEncoder().encode(page.code))
  files.set('index.html', new TextEncoder().encode(html(map, './page.js')))
  return files
}
