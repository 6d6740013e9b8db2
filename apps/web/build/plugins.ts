/** What the build of the page does beyond bundling. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin, Rolldown } from 'vite'
import { pagePolicy } from './headers.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const publicFolder = fileURLToPath(new URL('../public', import.meta.url))

/** The name of the service worker in the built page, which must lie at its top to rule all of it. */
export const serviceWorkerFile = 'service-worker.js'

/** A public entry point of the package. */
export interface PublicEntry {
  /** As it is imported: `pocket-phi/worker`. */
  readonly name: string
  /** The file that it is built from. */
  readonly source: string
}

/** The public entry points of the package, as its package.json lists them. */
export async function publicEntries(): Promise<PublicEntry[]> {
  const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, string | { readonly default: string }>>
  }
  return Object.entries(manifest.exports).flatMap(([entry, target]) => {
    if (typeof target === 'string') return []
    const source = target.default.replace(/^\.\/dist\/(.*)\.js$/, 'src/$1.ts')
    return [{ name: entry.replace(/^\./, 'pocket-phi'), source: path.join(root, source) }]
  })
}

/** The public entry points mapped to their sources, for Vite. */
export async function packageEntries(): Promise<{ find: RegExp; replacement: string }[]> {
  const entries = await publicEntries()
  return entries.map(({ name, source }) => ({ find: new RegExp(`^${name}$`), replacement: source }))
}

/** Writes the policy into index.html. */
export function policyInPage(): Plugin {
  return {
    name: 'policy-in-page',
    apply: 'build',
    transformIndexHtml: (html) => html.replace('%CONTENT_SECURITY_POLICY%', pagePolicy()),
  }
}

/** Lays the model that ships beside the page. */
export function shippedModel(name: string): Plugin {
  const folder = path.join(root, 'models', name)
  return {
    name: 'shipped-model',
    apply: 'build',
    async generateBundle() {
      for (const file of await readdir(folder)) {
        if (!/\.(?:json|safetensors)$/.test(file)) continue
        this.emitFile({
          type: 'asset',
          fileName: `models/${name}/${file}`,
          source: await readFile(path.join(folder, file)),
        })
      }
    },
  }
}

/** Pictures that the system shows where the page is installed: those of the guide. The page itself does without. */
const screenshots = ['web-phone.png', 'web-desktop.png'].map((name) => [`screenshots/${name}`, name] as const)

/** Lays the pictures that the manifest names beside the page. */
export function shippedScreenshots(): Plugin {
  return {
    name: 'shipped-screenshots',
    apply: 'build',
    async generateBundle() {
      for (const [fileName, name] of screenshots) {
        this.emitFile({ type: 'asset', fileName, source: await readFile(path.join(root, 'docs', name)) })
      }
    },
  }
}

/** The digest of a file in the form in which browsers compare it (W3C Subresource Integrity). */
export function integrityOf(content: string | Uint8Array): string {
  return `sha256-${createHash('sha256').update(content).digest('base64')}`
}

/** Tells the service worker which files make the page, each with its digest, and a version that changes with any of them. */
export function listForServiceWorker(): Plugin {
  return {
    name: 'list-for-service-worker',
    apply: 'build',
    enforce: 'post',
    async generateBundle(_options, bundle) {
      const worker = bundle[serviceWorkerFile]
      if (worker?.type !== 'chunk') this.error(`The build has no ${serviceWorkerFile}.`)
      const apart = new Set([serviceWorkerFile, ...screenshots.map(([fileName]) => fileName)])
      // The page is asked for by the address of its folder.
      const files = Object.values(bundle)
        .filter(({ fileName }) => !apart.has(fileName))
        .map((file) => [file.fileName.replace(/^index\.html$/, './'), integrityOf(contentOf(file))] as const)
      for (const entry of await readdir(publicFolder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue
        const file = path.join(entry.parentPath, entry.name)
        const name = path.relative(publicFolder, file).split(path.sep).join('/')
        files.push([name, integrityOf(await readFile(file))])
      }
      worker.code = withFileList(worker.code, files)
    },
  }
}

/** The script of a service worker with the files that it keeps, by their addresses and digests, and a version that changes with any of them. */
export function withFileList(code: string, files: readonly (readonly [address: string, integrity: string])[]): string {
  const list = JSON.stringify(Object.fromEntries(files.toSorted(([a], [b]) => (a < b ? -1 : 1))))
  const version = createHash('sha256').update(code).update(list).digest('hex').slice(0, 16)
  // As functions, since `$` in a replacement stands for something else.
  return code.replace('PAGE_VERSION', () => JSON.stringify(version)).replace('PAGE_FILES', () => list)
}

function contentOf(file: Rolldown.OutputChunk | Rolldown.OutputAsset): string | Uint8Array {
  return file.type === 'chunk' ? file.code : file.source
}
