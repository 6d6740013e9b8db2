/**
 * Compiles the AssemblyScript kernels into four modules: {baseline, relaxed} SIMD x {single, threads} memory.
 *
 *     node scripts/build-kernels.ts [--force] [--entry matmul.ts] [--out folder]
 *
 * Nothing is compiled when the sources, this script and the compiler are what the modules in the folder were made from; whoever
 * loads modules that were made from others is refused (src/backends/wasm/stale.ts). `--entry` compiles one kernel file alone, for a
 * bench of work in progress.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { sourcesFile } from '../src/backends/wasm/stale.ts'
import { compileKernels, kernelsFolder, memoryOptions, simdOptions } from './kernel-compiler.ts'

const defaultOutput = fileURLToPath(new URL('../src/backends/wasm/build/', import.meta.url))

/** The hash of every file that decides what is built, the entry first, with paths from the folder of the modules: as sha256sum writes it. */
async function listSources(entry: string, folder: string): Promise<string> {
  const compiler = createRequire(import.meta.url).resolve('assemblyscript/package.json')
  const names = (await readdir(kernelsFolder)).filter((name) => name.endsWith('.ts') && name !== entry).sort()
  const tools = ['build-kernels.ts', 'kernel-compiler.ts'].map((name) => fileURLToPath(new URL(name, import.meta.url)))
  const files = [...[entry, ...names].map((name) => kernelsFolder + name), ...tools, compiler]
  const lines = files.map(async (file) => {
    const hash = createHash('sha256').update(await readFile(file))
    return `${hash.digest('hex')}  ${path.relative(folder, file).split(path.sep).join('/')}\n`
  })
  return (await Promise.all(lines)).join('')
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
const sources = await listSources(flags.entry, output)
const built = await readFile(path.join(output, sourcesFile), 'utf8').catch(() => '')
if (built === sources && !flags.force) {
  console.log('kernels: up to date')
} else {
  await mkdir(output, { recursive: true })
  for (const [simd, simdFlags] of Object.entries(simdOptions)) {
    for (const [memory, memoryFlags] of Object.entries(memoryOptions)) {
      const binary = await compileKernels(
        kernelsFolder + flags.entry,
        ['-O3', ...simdFlags, ...memoryFlags],
        async (file) => readFile(file, 'utf8').catch(() => null),
      )
      await replaceFile(path.join(output, `${simd}-${memory}.wasm`), binary)
      console.log(`kernels: ${simd}-${memory}.wasm ${binary.length} bytes`)
    }
  }
  await replaceFile(path.join(output, sourcesFile), sources)
}
