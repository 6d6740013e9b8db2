/** Vectors of texts, against the numbers of the reference backend. The hidden states are in `tests/goldens-harness.ts`. */
import { describe, expect, it } from 'vitest'
import { largestDifference } from '../../tests/goldens-harness.ts'
import { PocketPhiError } from '../base/errors.ts'
import { loadModel } from './load-model.ts'
import type { PhiModel } from './phi-model.ts'
import { someIds, tinyFiles } from './tiny-model-harness.ts'

/** The mean of the hidden states of all rows, of length 1. */
async function meanOf(model: PhiModel, ids: readonly number[]): Promise<number[]> {
  const rows: Float32Array[] = []
  using sequence = await model.engine.open(ids)
  await sequence.deliver(0, { hidden: (row, values) => (rows[row] = values) })
  const sum = Array.from(rows[0] ?? [], (_, at) => rows.reduce((total, row) => total + (row[at] ?? NaN), 0))
  const length = Math.hypot(...sum)
  return sum.map((value) => value / length)
}

describe('embeddings', () => {
  it.each([
    ['phi3', {}],
    ['phi3 beyond the border of LongRoPE', { border: 32 }],
  ])('are those of the reference backend: %s', async (_title, tiny) => {
    const files = await tinyFiles(tiny)
    await using reference = await loadModel(files, { backend: 'ref', exact: true })
    await using model = await loadModel(files, { backend: 'wasm', threads: 1, exact: true })
    const texts = [someIds(3, 1), someIds(70, 2)]
    const found = await model.embed(texts)
    for (const [index, ids] of texts.entries()) {
      const mean = await meanOf(reference, ids)
      expect(found[index]?.tokens).toBe(ids.length)
      const vector = found[index]?.vector ?? new Float32Array()
      expect(largestDifference(vector, Float32Array.from(mean))).toBeLessThan(1e-5)
      expect(Math.hypot(...vector)).toBeCloseTo(1, 6)
    }
  })

  it('are the same for a text alone, among others, as ids, and when its beginning is in the cache', async () => {
    await using model = await loadModel(await tinyFiles(), { threads: 1, maxSequences: 2 })
    const text = 'the small phi reads a story about the sea'
    const [alone] = await model.embed([text])
    const answer = model.generate(text, { maxTokens: 30, stopIds: [] })
    const [[again], [, among]] = await Promise.all([
      model.embed([text]),
      model.embed(['hello', text, 'how are you']),
      answer.result(),
    ])
    const [ofIds] = await model.embed([model.tokenizer.encode(text)])
    for (const { vector } of [again, among, ofIds].map((one) => one ?? { vector: new Float32Array() })) {
      expect(largestDifference(vector, alone?.vector ?? new Float32Array())).toBeLessThan(1e-6)
    }
    const [other] = await model.embed(['another text'])
    expect(largestDifference(other?.vector ?? new Float32Array(), alone?.vector ?? new Float32Array())).toBeGreaterThan(
      0.01,
    )
  })

  it('are refused where there is no text, or too much of it, and end when they are told to', async () => {
    await using model = await loadModel(await tinyFiles(), { threads: 1, context: 64 })
    const refused = async (work: Promise<unknown>): Promise<string> => {
      const error: unknown = await work.catch((cause: unknown) => cause)
      if (error instanceof PocketPhiError) return error.code
      throw new Error('it was not refused')
    }
    expect(await refused(model.embed([[]]))).toBe('invalid-argument')
    expect(await refused(model.embed([[1, 2], [3.5]]))).toBe('invalid-argument')
    expect(await refused(model.embed([someIds(65, 1)]))).toBe('context-full')
    expect(await refused(model.embed(['hello'], { signal: AbortSignal.abort() }))).toBe('aborted')
    expect(await model.embed([])).toEqual([])
    expect(await model.embed([someIds(64, 1)])).toHaveLength(1)
    // All room is free again: a text of the whole context would wait for ever otherwise.
    expect(model.engine.hasRoomFor(64)).toBe(true)
  })
})
