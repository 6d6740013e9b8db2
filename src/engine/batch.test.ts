/** What goes into batches, and that no bit of an answer depends on it. */
import { describe, expect, it } from 'vitest'
import type { GgmlQuantizedType } from '../blocks/ggml-quantize.ts'
import { cacheDTypes, type CacheDType } from '../program/ops/cache.ts'
import { mostReused, nextParts, rowsToRun, type BatchRequest } from './batch.ts'
import { loadModel } from './load-model.ts'
import type { PhiModel } from './phi-model.ts'
import { tinyGguf } from './tiny-gguf-harness.ts'
import { someIds } from './tiny-model-harness.ts'

const buckets = [1, 2, 4, 8, 16, 32, 64, 128]

/** A text of which all but so many tokens were computed; the logits of the last are wanted. */
function waiting(left: number, computed = 100): BatchRequest {
  const ids = Array.from({ length: computed + left }, () => 5)
  return { sequence: { ids, computed }, wantedFrom: ids.length - 1 }
}

/** How many rows of each request are in the next batch. */
function rowsOf(requests: readonly BatchRequest[], sizes: readonly number[] = buckets): number[] {
  const parts = nextParts(requests, sizes)
  return requests.map((each) => {
    const part = parts.find(({ request }) => request === each)
    return part === undefined ? 0 : part.until - part.from
  })
}

describe('nextParts', () => {
  const decodes = Array.from({ length: 15 }, () => waiting(1))

  it('takes what decodes first, then prompts in their order', () => {
    expect(rowsOf([waiting(20), waiting(1), waiting(50), waiting(1)])).toEqual([20, 1, 42, 1])
    expect(rowsOf([waiting(200)])).toEqual([128])
    expect(rowsOf([waiting(30), ...decodes]).slice(0, 2)).toEqual([17, 1])
  })

  it('cuts no prompt such that less than a block is computed or left, and lets none wait for ever', () => {
    for (let left = 5; left < 200; left++) {
      for (const others of [[], decodes.slice(0, 3), decodes, [...decodes, waiting(33)]]) {
        const [rows = 0] = rowsOf([waiting(left), ...others])
        expect(rows).toBeGreaterThanOrEqual(5)
        expect(left - rows === 0 || left - rows >= 5).toBe(true)
      }
    }
  })

  it('cuts a prompt anywhere where no bucket holds two blocks', () => {
    expect(rowsOf([waiting(9)], [1, 2, 4, 8])).toEqual([8])
    expect(rowsOf([waiting(4)], [1, 2])).toEqual([2])
    expect(rowsOf([waiting(9), waiting(9)], [1, 2, 4, 8])).toEqual([8, 0])
  })

  it('always has something to compute', () => {
    for (let most = 1; most <= buckets.length; most++) {
      const own = buckets.slice(0, most)
      for (let left = 1; left < 30; left++) {
        for (let other = 1; other < 30; other++) {
          const rows = rowsOf([waiting(left), waiting(other)], own)
          expect(Math.max(...rows)).toBeGreaterThan(0)
          expect(rows.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(own.at(-1) ?? 0)
        }
      }
    }
  })
})

/** Logits after a prompt and after each of the tokens that follow it. */
async function read({ engine }: PhiModel, prompt: readonly number[], tokens: readonly number[]) {
  using sequence = await engine.open(prompt)
  const rows = [await sequence.logits()]
  for (const token of tokens) {
    sequence.append([token])
    rows.push(await sequence.logits())
  }
  return rows
}

describe('a text has the same logits to the last bit', () => {
  const config = { hidden_size: 256, intermediate_size: 256 }
  const cases: readonly (readonly [type: GgmlQuantizedType, cacheType: CacheDType])[] = [
    ...cacheDTypes.map((cacheType) => ['Q4_0', cacheType] as const),
    ['Q8_0', 'f16'],
    ['Q4_K', 'f16'],
    ['Q5_K', 'f16'],
    ['Q6_K', 'f16'],
  ]

  it.each(cases)('alone, among others, and with its beginning in the cache: %s, %s', async (type, cacheType) => {
    const { bytes } = await tinyGguf({ type, config })
    const load = (maxSequences: number): Promise<PhiModel> =>
      loadModel(new File([bytes], 'tiny.gguf'), { threads: 1, maxSequences, cacheType })
    const [prompt, tokens] = [someIds(71, 1), someIds(6, 2)]
    await using single = await load(1)
    const expected = await read(single, prompt, tokens)
    await using model = await load(8)
    const others = [3, 18, 30, 33, 37].map((length) => read(model, someIds(length, length), someIds(9, length)))
    const among = Array.from({ length: 2 }, () => read(model, prompt, tokens))
    expect((await Promise.all([...among, ...others])).slice(0, 2)).toEqual([expected, expected])
    const { reusedRows } = model.counters
    expect(await read(model, prompt, tokens)).toEqual(expected)
    expect(model.counters.reusedRows - reusedRows).toBe(mostReused(prompt.length))
  })
})

it.each([1, 2, 4, 8])('several prompts are read in batches of at most %i rows', async (maxRows) => {
  const { bytes } = await tinyGguf({ type: 'Q4_0', config: { hidden_size: 256, intermediate_size: 256 } })
  await using model = await loadModel(new File([bytes], 'tiny.gguf'), { threads: 1, maxSequences: 3, maxRows })
  const prompts = [9, 9, 13].map((length) => someIds(length, length))
  const rows = await Promise.all(prompts.map((prompt) => read(model, prompt, [])))
  expect(rows.map(([logits]) => logits?.length)).toEqual(Array(3).fill(rows[0]?.[0]?.length))
  expect(model.counters.rows).toBe(31)
})

describe('rowsToRun', () => {
  it('avoids padding where rows cost something', () => {
    expect([1, 3, 9, 17, 24, 33, 47, 48, 100, 65, 128, 1000].map((rows) => rowsToRun(buckets, rows))).toEqual([
      1, 3, 9, 16, 24, 32, 32, 48, 100, 64, 128, 128,
    ])
  })
})
