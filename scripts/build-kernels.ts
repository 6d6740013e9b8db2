/**
 * Compiles the AssemblyScript kernels into four modules: {baseline, relaxed} SIMD x {single, threads} memory.
 *
 *     node scripts/build-kernels.ts [--force] [--entry matmul.ts] [--out folder]
 *
 * Nothing is compiled when the sources, this script and the compiler are what the modules in the folder were made from.
 * `--entry` compiles one kernel file alone, for a bench of work in progress.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const kernelsFolder = fileURLToPath(new URL('../src/backends/wasm/kernels/', import.meta.url))
const defaultOutput = fileURLToPath(new URL('../src/backends/wasm/build/', import.meta.url))
const stampName = 'sources.sha256'

/** The first 64 KiB of the memory belong to the module's constants; the allocator starts after them. */
const constantsBase = 1024
const constantsEnd = 65536

const common = [
  ...['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--noExportMemory'],
  ...['--initialMemory', '1', '--memoryBase', String(constantsBase), '--enable', 'simd'],
]
const simdOptions = { baseline: [], relaxed: ['--enable', 'relaxed-simd'] }
const memoryOptions = { single: [], threads: ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'] }

async function sourceHash(entry: string): Promise<string> {
  const compilerPackage = createRequire(import.meta.url).resolve('assemblyscript/package.json')
  const names = (await readdir(kernelsFolder)).filter((name) => name.endsWith('.ts')).sort()
  const hash = createHash('sha256').update(entry)
  for (const file of [compilerPackage, fileURLToPath(import.meta.url), ...names.map((name) => kernelsFolder + name)]) {
    hash.update(`\0${path.basename(file)}\0`).update(await readFile(file))
  }
  return hash.digest('hex')
}

/** A module whose constants overrun their region would write over tensors at every instantiation. */
function checkConstants(text: string): void {
  for (const [, offset, content] of text.matchAll(/\(data (?:\$\S+ )?\(i32\.const (\d+)\) "([^\n]*)"\)/g)) {
    const bytes = (content ?? '').replace(/\\[0-9a-f]{2}|\\./g, '_').length
    if (Number(offset) + bytes > constantsEnd) throw new Error(`kernel constants end after ${constantsEnd}`)
  }
}

async function compile(entry: string, options: readonly string[]): Promise<Uint8Array> {
  const { default: asc } = await import('assemblyscript/asc')
  let binary: Uint8Array | undefined
  let text = ''
  const { error, stderr } = await asc.main(
    [entry, ...common, ...options, '--outFile', 'kernels.wasm', '--textFile', 'kernels.wat'],
    {
      readFile: async (name: string, base: string) => readFile(path.resolve(base, name), 'utf8').catch(() => null),
      listFiles: async () => [],
      writeFile: (name: string, contents: string | Uint8Array) => {
        if (typeof contents === 'string') text = contents
        else if (name.endsWith('.wasm')) binary = contents
      },
    },
  )
  if (error !== null || binary === undefined) throw new Error(`asc failed:\n${stderr.toString()}`, { cause: error })
  checkConstants(text)
  return binary
}

/** Written aside and renamed, so that a test which starts meanwhile never reads half a module. */
async function replaceFile(file: string, contents: string | Uint8Array): Promise<void> {
  const aside = `${file}.${process.pid}`
  await writeFile(aside, contents)
  await rename(aside, file)
}

const { values: flags } = parseArgs({
  options: {
    force: { type: 'boolean', default: false },
    entry: { type: 'string', default: 'index.ts' },
    out: { type: 'string', default: defaultOutput },
  },
})
const output = path.resolve(flags.out)
const hash = await sourceHash(flags.entry)
const stamp = await readFile(path.join(output, stampName), 'utf8').catch(() => '')
if (stamp === hash && !flags.force) {
  console.log('kernels: up to date')
} else {
  await mkdir(output, { recursive: true })
  for (const [simd, simdFlags] of Object.entries(simdOptions)) {
    for (const [memory, memoryFlags] of Object.entries(memoryOptions)) {
      const binary = await compile(kernelsFolder + flags.entry, [...simdFlags, ...memoryFlags])
      await replaceFile(path.join(output, `${simd}-${memory}.wasm`), binary)
      console.log(`kernels: ${simd}-${memory}.wasm ${binary.length} bytes`)
    }
  }
  await replaceFile(path.join(output, stampName), hash)
}
