import { PocketPhiError } from '../../base/errors.ts'
import { nodeModule } from '../../base/platform.ts'

/** Which instructions the kernels use: SIMD alone, or relaxed SIMD too, whose last bits may differ. */
export type Simd = 'baseline' | 'relaxed'

/** Written out, so that bundlers find the files. */
const files: Readonly<Record<Simd, { readonly single: URL; readonly threads: URL }>> = {
  baseline: {
    single: new URL('./build/baseline-single.wasm', import.meta.url),
    threads: new URL('./build/baseline-threads.wasm', import.meta.url),
  },
  relaxed: {
    single: new URL('./build/relaxed-single.wasm', import.meta.url),
    threads: new URL('./build/relaxed-threads.wasm', import.meta.url),
  },
}

/** A function that returns i8x16.relaxed_swizzle of two splats. */
const relaxedProbe = [
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0],
  ...[10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11],
]

/** Whether this engine has the relaxed SIMD instructions. */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(Uint8Array.from(relaxedProbe))
}

async function readModule(url: URL): Promise<BufferSource> {
  const system = url.protocol === 'file:' ? nodeModule('node:fs/promises') : undefined
  if (system !== undefined) {
    const { refuseStaleKernels } = await import('./stale.ts')
    refuseStaleKernels(url)
    return system.readFile(url)
  }
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`)
  return response.arrayBuffer()
}

const compiled = new Map<string, Promise<WebAssembly.Module>>()

/**
 * The kernels, compiled once per process.
 *
 * @throws PocketPhiError `not-found` when the file is not there, `not-supported` when it was built from other sources
 */
export function kernelModule(simd: Simd, shared: boolean): Promise<WebAssembly.Module> {
  const url = files[simd][shared ? 'threads' : 'single']
  const known = compiled.get(url.href)
  if (known !== undefined) return known
  const module = readModule(url)
    .catch((cause: unknown) => {
      if (cause instanceof PocketPhiError) throw cause
      throw new PocketPhiError('not-found', 'The kernels of the wasm backend could not be read.', {
        expected: url.href,
        found: String(cause),
        remedy: 'In a checkout, run npm run build:kernels.',
        cause,
      })
    })
    .then((bytes) => WebAssembly.compile(bytes))
  compiled.set(url.href, module)
  module.catch(() => compiled.delete(url.href))
  return module
}

/**
 * Refuses a module that lacks a kernel.
 * @throws PocketPhiError `not-supported`
 */
export function checkKernels(module: WebAssembly.Module, names: readonly string[]): void {
  const exported = new Set(WebAssembly.Module.exports(module).map(({ name }) => name))
  const missing = names.filter((name) => !exported.has(name))
  if (missing.length === 0) return
  throw new PocketPhiError('not-supported', 'The compiled kernels are not those of these sources.', {
    expected: missing.join(', '),
    remedy: 'Run npm run build:kernels.',
  })
}
