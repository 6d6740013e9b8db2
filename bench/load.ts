/**
 * How long a model takes to load, against reading its files of weights into freshly made WebAssembly memory of their size.
 * The two alternate, each in a process of its own, after one of each that is not counted; files are as warm as the system
 * keeps them.
 *
 *     node bench/load.ts MODEL [--rounds 5] [--threads 2] [--context 512]
 */
import { spawnSync } from 'node:child_process'
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadModel } from '../src/engine/load-model.ts'
import { pieceBytes, readsAtOnce } from '../src/engine/weights.ts'
import { median } from './summary.ts'

const pageBytes = 65536
/** WebAssembly's largest memory. */
const mostPages = 65536

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    context: { type: 'string', default: '512' },
    once: { type: 'string' },
  },
})
const [model] = positionals
if (model === undefined) throw new Error('node bench/load.ts MODEL [--rounds N] [--threads N] [--context N]')

async function weightFiles(path: string): Promise<string[]> {
  if ((await stat(path)).isFile()) return [path]
  const names = (await readdir(path)).filter((name) => name.endsWith('.safetensors') || name.endsWith('.gguf'))
  return names.map((name) => join(path, name))
}

/** Reads a file as the engine reads, in pieces of its size and as many at once, into as many new memories as it takes. */
async function readFile(path: string): Promise<void> {
  const file = await open(path)
  const { size } = await file.stat()
  for (let start = 0; start < size; start += mostPages * pageBytes) {
    const length = Math.min(size - start, mostPages * pageBytes)
    const pages = Math.ceil(length / pageBytes)
    const bytes = new Uint8Array(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer)
    let next = 0
    const readOn = async (): Promise<void> => {
      while (next < length) {
        const at = next
        next += pieceBytes
        const piece = bytes.subarray(at, Math.min(at + pieceBytes, length))
        const { bytesRead } = await file.read(piece, 0, piece.length, start + at)
        if (bytesRead !== piece.length) throw new Error(`${path}: short read`)
      }
    }
    await Promise.all(Array.from({ length: readsAtOnce }, readOn))
  }
  await file.close()
}

async function once(what: string, path: string): Promise<number> {
  const files = await weightFiles(path)
  const start = performance.now()
  if (what === 'read') for (const file of files) await readFile(file)
  else await loadModel(path, { threads: Number(values.threads), context: Number(values.context) })
  return performance.now() - start
}

function milliseconds(what: string): number {
  const own = [...process.argv.slice(1), '--once', what]
  const { stdout, stderr, status } = spawnSync(process.execPath, own, { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return Number(stdout)
}

if (values.once === undefined) {
  const times = { read: [] as number[], load: [] as number[] }
  for (let round = 0; round <= Number(values.rounds); round++) {
    for (const what of ['read', 'load'] as const) {
      const time = milliseconds(what)
      if (round > 0) times[what].push(time)
    }
  }
  const [read, load] = [median(times.read), median(times.load)]
  for (const [what, list] of Object.entries(times)) {
    console.log(`${what}: ${list.map((time) => time.toFixed(0)).join(' ')} ms, median ${median(list).toFixed(0)} ms`)
  }
  console.log(`load / read = ${(load / read).toFixed(2)}`)
} else {
  console.log(await once(values.once, model))
  process.exit()
}
