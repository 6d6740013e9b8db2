/**
 * What this machine can do with a number of threads at once: bytes read from memory, and multiply-adds of registers in int8 and in
 * f32, each a second, 16 bytes at a time. Prints one JSON object; a child of main.ts.
 *
 *     node bench/roofs.ts THREADS
 */
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { pairsAreFaster, productLoop, productsPerTurn, readLoop } from '../src/backends/wasm/loops.ts'

/** Of each thread; several times what caches hold. */
const readBytes = 2 ** 28

/** Each a second. */
export interface Roofs {
  readonly readBytes: number
  readonly int8Products: number
  readonly f32Products: number
}

const kinds = ['readBytes', 'int8Products', 'f32Products'] as const

interface Shared {
  readonly gate: SharedArrayBuffer
  readonly threads: number
  readonly thread: number
  /** The faster of the two ways that processors have for bytes. */
  readonly bytes: 'pairs' | 'int8'
  /** By thread, then by kind. */
  readonly results: Float64Array
}

/** All threads begin together. */
function meet({ gate, threads }: Shared, stage: number): void {
  const arrived = new Int32Array(gate)
  const goal = threads * (stage + 1)
  if (Atomics.add(arrived, 0, 1) + 1 === goal) Atomics.notify(arrived, 0)
  for (let seen = Atomics.load(arrived, 0); seen < goal; seen = Atomics.load(arrived, 0)) {
    Atomics.wait(arrived, 0, seen, 10)
  }
}

/** What a call does a second, repeated for about a third of a second after a warm-up. */
function rate(amount: number, work: () => unknown): number {
  const start = performance.now()
  let calls = 0
  while (performance.now() - start < 300) {
    work()
    calls += 1
  }
  return (amount * calls) / ((performance.now() - start) / 1000)
}

function measure(shared: Shared): void {
  const memory = new WebAssembly.Memory({ initial: readBytes / 65536 + 1 })
  new Uint8Array(memory.buffer).fill(1)
  const turns = 200_000
  const [read, f32] = [readLoop(memory), productLoop('f32', memory)]
  const { bytes } = shared
  const int8 = productLoop(bytes, memory)
  const loops = {
    readBytes: () => rate(readBytes, () => read(0, readBytes)),
    int8Products: () => rate(turns * productsPerTurn[bytes], () => int8(0, turns)),
    f32Products: () => rate(turns * productsPerTurn.f32, () => f32(0, turns)),
  }
  for (const kind of kinds) loops[kind]()
  for (const [stage, kind] of kinds.entries()) {
    meet(shared, stage)
    shared.results[kinds.length * shared.thread + stage] = loops[kind]()
  }
}

if (isMainThread) {
  const threads = Number(process.argv[2] ?? 1)
  const results = new Float64Array(new SharedArrayBuffer(8 * kinds.length * threads))
  const gate = new SharedArrayBuffer(4)
  const bytes = pairsAreFaster() ? 'pairs' : 'int8'
  const ends = Array.from({ length: threads }, async (_, thread) => {
    const shared: Shared = { gate, threads, thread, bytes, results }
    const worker = new Worker(new URL(import.meta.url), { workerData: shared })
    await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject))
  })
  await Promise.all(ends)
  const sums = kinds.map((kind, index): [string, number] => {
    return [kind, results.filter((_, place) => place % kinds.length === index).reduce((sum, value) => sum + value, 0)]
  })
  const { user, system } = process.cpuUsage()
  console.log(JSON.stringify({ ...Object.fromEntries(sums), cpuSeconds: (user + system) / 1e6 }))
} else {
  measure(workerData as Shared)
}
