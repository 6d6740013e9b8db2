import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { packBatch, type Example, type ExampleSource } from './batches.ts'

/** The examples of a list again and again. */
function sourceOf(...examples: readonly Example[]): ExampleSource {
  return { example: (index) => examples[index % examples.length] as Example }
}

/** An example of this length whose ids tell its index and their place. */
const numbered = (lengths: readonly number[]): ExampleSource => ({
  example: (index) => ({
    ids: Array.from({ length: lengths[index % lengths.length] ?? 1 }, (_, place) => 1000 * index + place),
  }),
})

const ignored = -100

describe('packBatch', () => {
  test('packs whole examples: positions from 0, starts, next ids as targets, padding at the end', () => {
    const source = sourceOf({ ids: [5, 6, 7] }, { ids: [8, 9] }, { ids: [1, 2, 3, 4] })
    expect(packBatch(source, 0, 8, 100)).toEqual({
      inputs: {
        ids: Int32Array.of(5, 6, 7, 8, 9, 0, 0, 0),
        positions: Int32Array.of(0, 1, 2, 0, 1, 0, 0, 0),
        regimes: new Int32Array(8),
        starts: Int32Array.of(0, 0, 0, 3, 3, -1, -1, -1),
        targets: Int32Array.of(6, 7, ignored, 9, ignored, ignored, ignored, ignored),
        weights: new Float32Array(8).fill(1 / 3),
      },
      pictures: [],
      tokens: 5,
      learnedTokens: 3,
      terms: 3,
      next: 2,
    })
    // The example that did not fit comes first in the next batch, and one that fits exactly is taken.
    const { inputs, tokens, next } = packBatch(source, 2, 9, 100)
    expect([...inputs.ids]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect([tokens, next]).toEqual([9, 5])
  })

  test('cuts an example that is longer than the context, or than the batch, and goes on after it', () => {
    const source = sourceOf({ ids: [1, 2, 3, 4, 5] }, { ids: [6, 7] })
    const cut = packBatch(source, 0, 6, 3)
    expect([...cut.inputs.ids]).toEqual([1, 2, 3, 6, 7, 0])
    // 4 is not in the batch, so 3 predicts nothing.
    expect([...cut.inputs.targets]).toEqual([2, 3, ignored, 7, ignored, ignored])
    expect(cut.next).toBe(2)
    const small = packBatch(source, 0, 4, 100)
    expect([[...small.inputs.ids], small.next]).toEqual([[1, 2, 3, 4], 1])
  })

  test('a target counts when the id that is predicted is learned', () => {
    const source = sourceOf({ ids: [1, 2, 3, 4], learned: [true, false, true, false] }, { ids: [9, 9, 9] })
    const { inputs, learnedTokens } = packBatch(source, 0, 6, 100)
    expect([...inputs.targets]).toEqual([ignored, 3, ignored, ignored, ignored, ignored])
    expect(learnedTokens).toBe(1)
    expect(inputs.weights[0]).toBe(1)
  })

  test('a batch with nothing to learn weighs nothing', () => {
    const source = sourceOf({ ids: [1, 2], learned: [false, false] })
    const { inputs, learnedTokens } = packBatch(source, 0, 4, 4)
    expect([learnedTokens, ...inputs.weights]).toEqual([0, 0, 0, 0, 0])
  })

  test('examples longer than the border of LongRoPE use the long table in all their rows', () => {
    const { inputs } = packBatch(sourceOf({ ids: [1, 2, 3] }, { ids: [4, 5, 6, 7] }), 0, 8, 8, 3)
    expect([...inputs.regimes]).toEqual([0, 0, 0, 1, 1, 1, 1, 0])
    const { inputs: cut } = packBatch(sourceOf({ ids: [4, 5, 6, 7] }), 0, 8, 3, 3)
    expect([...cut.regimes]).toEqual(new Array(8).fill(0))
  })

  test('batch after batch, every example comes once, whole and in order', () => {
    const lengthsOf = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 9 })
    fc.assert(
      fc.property(lengthsOf, fc.integer({ min: 12, max: 40 }), (lengths, rows) => {
        const source = numbered(lengths)
        let next = 0
        for (let batch = 0; batch < 4; batch++) {
          const packed = packBatch(source, next, rows, 12)
          const expected = Array.from({ length: packed.next - next }, (_, at) => source.example(next + at).ids).flat()
          expect([...packed.inputs.ids.subarray(0, packed.tokens)]).toEqual(expected)
          expect(packed.next).toBeGreaterThan(next)
          // The next one would not have fitted.
          expect(packed.tokens + source.example(packed.next).ids.length).toBeGreaterThan(rows)
          for (let row = 0; row < rows; row++) {
            const { starts, positions } = packed.inputs
            if (row < packed.tokens) expect(row - (starts[row] ?? 0)).toBe(positions[row])
            else expect(starts[row]).toBe(-1)
          }
          next = packed.next
        }
      }),
    )
  })
})
