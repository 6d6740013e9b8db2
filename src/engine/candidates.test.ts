import { describe, expect, it } from 'vitest'
import { candidateTests } from './candidates-harness.ts'
import { loadModel } from './load-model.ts'
import type { Candidates } from './sampling.ts'
import { someIds, tinyTree } from './tiny-model-harness.ts'

describe('on the oracle', () => {
  candidateTests('ref', 1)
})

describe('on wasm', () => {
  candidateTests('wasm', 6)

  it('gives each of several sequences in a batch what it asks for', async () => {
    await using model = await loadModel(await tinyTree(), { backend: 'wasm', maxRows: 16, maxSequences: 2 })
    const { engine } = model
    const sequences = [await engine.open(someIds(5, 1)), await engine.open(someIds(7, 2))] as const
    const rows: { row: number; logits?: Float32Array; candidates?: Candidates }[] = []
    const both = {
      logits: (row: number, logits: Float32Array) => rows.push({ row, logits }),
      candidates: (row: number, candidates: Candidates) => rows.push({ row, candidates }),
    }
    const [, found] = await Promise.all([sequences[0].deliver(2, both), sequences[1].candidates()])
    expect(engine.counters.runs).toBe(1)
    expect(rows.map(({ row }) => row)).toEqual([2, 2, 3, 3, 4, 4])
    for (let at = 0; at < rows.length; at += 2) {
      const [logits, candidates] = [rows[at]?.logits, rows[at + 1]?.candidates]
      expect(candidates).toEqual(greatestOf(logits, engine.candidates))
    }
    sequences[1].truncate(6)
    sequences[1].append(someIds(7, 2).slice(6))
    // Alone, its sums are in another order.
    const { ids, logits } = greatestOf(await sequences[1].logits(), engine.candidates)
    expect(found.ids.slice(0, 5)).toEqual(ids.slice(0, 5))
    found.logits.forEach((logit, at) => expect(logit).toBeCloseTo(logits[at] ?? NaN, 4))
  })
})

function greatestOf(logits: Float32Array = new Float32Array(), count: number): Candidates {
  const ids = Int32Array.from(logits.keys()).sort((left, right) => (logits[right] ?? 0) - (logits[left] ?? 0))
  return { ids: ids.slice(0, count), logits: Float32Array.from(ids.slice(0, count), (id) => logits[id] ?? NaN) }
}
