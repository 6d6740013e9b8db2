/** The engine's paged path: the same cases in chunks of several sizes, and greedy runs token by token. */
import type { Scheduler } from '../../src/engine/scheduler.ts'
import type { Case, GreedyCase } from './cases.ts'
import { greatest } from './compare.ts'

export interface CachedLogits {
  readonly what: string
  /** As the whole-sequence path lays them out; zero where nothing was computed. */
  readonly logits: Float32Array
  /** 1 for rows that were computed. */
  readonly isComputed: Uint8Array
}

/** Chunk sizes of the piecewise pass, in turn. */
const pieces = [1, 2, 4, 8, 16]

/** Rows whose logits one pass can give. */
const lastRows = 32

export async function cachedLogits(engine: Scheduler, item: Case): Promise<readonly CachedLogits[]> {
  // First the pass that wants few rows, so that it finds nothing in the cache.
  const tail = await pass(engine, item, 'one chunk', (length) => [length], lastRows)
  const chunks = await pass(engine, item, 'chunks', (length) => [length], Infinity)
  const small = await pass(engine, item, 'pieces', piecesOf, Infinity)
  const reused = await pass(engine, item, 'reused', (length) => [length], 1)
  return [tail, chunks, small, reused]
}

function piecesOf(length: number): number[] {
  const sizes: number[] = []
  for (let left = length; left > 0;) {
    const size = Math.min(left, pieces[sizes.length % pieces.length] as number)
    sizes.push(size)
    left -= size
  }
  return sizes
}

/** All sequences of the case side by side, each appended in these sizes; the last `wanted` rows of each size are kept. */
async function pass(
  engine: Scheduler,
  item: Case,
  what: string,
  sizes: (length: number) => number[],
  wanted: number,
): Promise<CachedLogits> {
  const width = engine.vocabulary
  const logits = new Float32Array(item.ids.length * width)
  const isComputed = new Uint8Array(item.ids.length)
  const { ropeBorder = Infinity } = engine.programs.model.shape
  const rope = item.longest > ropeBorder ? 'long' : 'auto'
  await Promise.all(
    item.sequences.map(async ({ start, ids }) => {
      const sequence = await engine.open([], { rope })
      let at = 0
      for (const size of sizes(ids.length)) {
        sequence.append(ids.slice(at, at + size))
        const from = Math.max(at, at + size - wanted)
        await sequence.rows(from, (row, values) => {
          logits.set(values, (start + row) * width)
          isComputed[start + row] = 1
        })
        at += size
      }
      sequence.close()
    }),
  )
  return { what, logits, isComputed }
}

export interface GreedyRun {
  readonly ids: readonly number[]
  readonly logits: Float32Array
}

export async function greedyRun(engine: Scheduler, { prompt, steps }: GreedyCase): Promise<GreedyRun> {
  const logits = new Float32Array(steps * engine.vocabulary)
  const ids: number[] = []
  const sequence = await engine.open(prompt)
  for (let step = 0; step < steps; step++) {
    const row = await sequence.logits()
    logits.set(row, step * engine.vocabulary)
    const id = greatest(row)
    ids.push(id)
    sequence.append([id])
  }
  sequence.close()
  return { ids, logits }
}
