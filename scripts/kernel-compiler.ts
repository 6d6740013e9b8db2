/** Compiles AssemblyScript kernels in memory: what build-kernels.ts and tests/broken-kernels.test.ts share. */
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const kernelsFolder = fileURLToPath(new URL('../src/backends/wasm/kernels/', import.meta.url))

/** The first 64 KiB of the memory belong to the module's constants; the allocator starts after them. */
const constantsBase = 1024
const constantsEnd = 65536

const common = [
  ...['--noAssert', '--runtime', 'stub', '--importMemory', '--noExportMemory'],
  ...['--initialMemory', '1', '--memoryBase', String(constantsBase), '--enable', 'simd'],
]
export const simdOptions = { baseline: [], relaxed: ['--enable', 'relaxed-simd'] }
export const memoryOptions = {
  single: [],
  threads: ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'],
}

/** A module whose constants overrun their region would write over tensors at every instantiation. */
function checkConstants(text: string): void {
  for (const [, offset, content] of text.matchAll(/\(data (?:\$\S+ )?\(i32\.const (\d+)\) "([^\n]*)"\)/g)) {
    const bytes = (content ?? '').replace(/\\[0-9a-f]{2}|\\./g, '_').length
    if (Number(offset) + bytes > constantsEnd) throw new Error(`kernel constants end after ${constantsEnd}`)
  }
}

/**
 * The module of the kernels that the entry exports.
 *
 * @param read the source of a file by its whole path, or null where there is none
 * @throws Error with the compiler's messages
 */
export async function compileKernels(
  entry: string,
  options: readonly string[],
  read: (file: string) => Promise<string | null> | string | null,
): Promise<Uint8Array<ArrayBuffer>> {
  const { default: asc } = await import('assemblyscript/asc')
  let binary: Uint8Array<ArrayBuffer> | undefined
  let text = ''
  const { error, stderr } = await asc.main(
    [entry, ...common, ...options, '--outFile', 'kernels.wasm', '--textFile', 'kernels.wat'],
    {
      readFile: (name: string, base: string) => read(path.resolve(base, name)),
      listFiles: () => [],
      writeFile: (name: string, contents: string | Uint8Array) => {
        if (typeof contents === 'string') text = contents
        else if (name.endsWith('.wasm')) binary = Uint8Array.from(contents)
      },
    },
  )
  if (error !== null || binary === undefined) throw new Error(`asc failed:\n${stderr.toString()}`, { cause: error })
  checkConstants(text)
  return binary
}
