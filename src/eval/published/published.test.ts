import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadText } from '../../engine/load-text.ts'
import type { PhiModel } from '../../engine/phi-model.ts'
import { tinyConfig, tinyTree } from '../../engine/tiny-model-harness.ts'
import { publishedConfig } from '../../models/published.ts'
import { judgeContinuation, judgeLogits } from './judge.ts'
import { referencesFor } from './match.ts'
import { openTiny, tinyReferences } from './published-cases.ts'
import { publishedReferences, type ContinuationReference, type LogitsReference } from './references.ts'
import { tokensOf, verifyReference } from './verify.ts'

let model: PhiModel
let logits: LogitsReference
let continuation: ContinuationReference

beforeAll(async () => {
  model = await openTiny()
  ;({ logits, continuation } = await tinyReferences(model))
})

afterAll(() => model.dispose())

const tolerance = { absolute: 1e-4, relative: 1e-4 }

/** The rows with one value that is moved. */
function moved(by: number): LogitsReference {
  const rows = logits.logits.map((row, index) => row.map((value, id) => (index === 1 && id === 7 ? value + by : value)))
  return { ...logits, logits: rows }
}

describe('logits', () => {
  test('of the model itself pass, and are those that were found', async () => {
    const result = await verifyReference(model, logits, { tolerance })
    expect(result).toMatchObject({ reference: 'made-up logits', passed: true, found: logits.logits })
  })

  test('one value beyond the tolerance fails, and its place is named', async () => {
    expect(await verifyReference(model, moved(5e-5), { tolerance })).toMatchObject({ passed: true })
    const result = await verifyReference(model, moved(0.01), { tolerance })
    expect(result).toMatchObject({ passed: false, worst: { place: 'row 1, id 7' } })
    expect(result.worst.difference).toBeCloseTo(0.01, 5)
  })

  test.each([
    [
      'more logits than the vocabulary',
      (): LogitsReference => ({ ...logits, logits: [new Array<number>(321).fill(0)] }),
    ],
    ['more rows than ids', (): LogitsReference => ({ ...logits, ids: [5] })],
    ['no rows', (): LogitsReference => ({ ...logits, logits: [] })],
    ['an empty row', (): LogitsReference => ({ ...logits, logits: [[]] })],
    ['ids outside the vocabulary', (): LogitsReference => ({ ...logits, ids: [5, 320] })],
    ['no answer', (): ContinuationReference => ({ ...continuation, answer: [] })],
  ])('a reference with %s is refused', async (_, reference) => {
    await expect(verifyReference(model, reference(), { tolerance })).rejects.toMatchObject({ code: 'invalid-argument' })
  })
})

describe('an answer', () => {
  test('of the model itself passes with no difference', async () => {
    const text = await loadText(await tinyTree())
    const result = await verifyReference(model, continuation, { tolerance, text })
    expect(result).toMatchObject({ passed: true, agreeing: 6, found: continuation.answer, worst: { difference: 0 } })
    expect(result).not.toHaveProperty('otherPrompt')
  })

  test('with another token fails there, by how much less likely it is, and is followed to its end', async () => {
    const answer = [...continuation.answer]
    answer[3] = answer[3] === 30 ? 31 : 30
    const result = await verifyReference(model, { ...continuation, answer }, { tolerance })
    const ids = [...continuation.prompt, ...answer]
    const rows = await model.logits(ids.slice(0, -1), { from: continuation.prompt.length - 1 })
    const row = [...rows.subarray(3 * 320, 4 * 320)]
    expect(result).toMatchObject({ passed: false, agreeing: 3 })
    // Each step goes on with what is expected, also after the deviation.
    const likeliest = (values: Float32Array): number => values.indexOf(Math.max(...values))
    const steps = [0, 1, 2, 3, 4, 5].map((step) => rows.subarray(step * 320, (step + 1) * 320))
    expect(result.found).toEqual(steps.map(likeliest))
    expect(result.found[3]).toBe(continuation.answer[3])
    const gap = Math.max(...row) - (row[answer[3] ?? 0] ?? 0)
    expect(gap).toBeGreaterThan(0.1)
    expect(result.worst.difference).toBeGreaterThanOrEqual(gap - 1e-5)
  })

  test('with one token that is nearly as likely passes within the tolerance', async () => {
    const answer = [...continuation.answer]
    answer[5] = answer[5] === 30 ? 31 : 30
    const result = await verifyReference(model, { ...continuation, answer }, { tolerance })
    expect(result).toMatchObject({ agreeing: 5, worst: { place: 'token 6 of 6' } })
    const within = async (share: number): Promise<boolean> => {
      const wider = { absolute: (share * result.worst.difference) / 2, relative: 0 }
      return (await verifyReference(model, { ...continuation, answer }, { tolerance: wider })).passed
    }
    expect([await within(0.99), await within(1.01)]).toEqual([false, true])
  })

  test('to a conversation that this model writes otherwise does not pass', async () => {
    const text = await loadText(await tinyTree())
    const other = { ...continuation, messages: [{ role: 'user', content: 'hello there' }] }
    const result = await verifyReference(model, other, { tolerance, text })
    expect(result).toMatchObject({ passed: false, agreeing: 6, otherPrompt: expect.any(Array) })
    expect(await verifyReference(model, other, { tolerance })).toMatchObject({ passed: true })
  })
})

describe('verdicts', () => {
  test('the worst place is the one furthest beyond what is allowed there', () => {
    const { worst } = judgeLogits([[100, 1]], [[100.005, 1.0004]], tolerance)
    expect(worst.place).toBe('row 0, id 1')
    expect(worst.tolerance).toBeCloseTo(2e-4, 10)
  })

  test('no number never passes', () => {
    expect(judgeLogits([[1, 2]], [[1, Number.NaN]], { absolute: 1e9, relative: 0 })).toMatchObject({
      passed: false,
      worst: { place: 'row 0, id 1' },
    })
    const step = { expected: 0, expectedLogit: Number.NaN, likeliest: 0, likeliestLogit: 1 }
    expect(judgeContinuation([step], tolerance).passed).toBe(false)
  })
})

test('a model that holds everything equally likely passes no answer', () => {
  const flat = [5, 0, 7, 8].map((expected) => ({ expected, expectedLogit: 0, likeliest: 0, likeliestLogit: 0 }))
  expect(judgeContinuation(flat, tolerance)).toMatchObject({ passed: false, worst: { difference: 0 } })
  const close = flat.map((step, index) =>
    index === 1 ? { ...step, expected: 9 } : { ...step, likeliest: step.expected },
  )
  expect(judgeContinuation(close, tolerance).passed).toBe(true)
})

describe('the references of a model', () => {
  const namesFor = (config: unknown): string[] =>
    referencesFor(config, publishedReferences).map(({ model: name }) => name)

  test('are found by what its configuration computes', () => {
    expect(publishedReferences).toHaveLength(7)
    expect(namesFor(publishedConfig('phi-3-mini-4k'))).toEqual(new Array(4).fill('microsoft/Phi-3-mini-4k-instruct'))
    expect(namesFor(publishedConfig('phi-3-mini-128k'))).toEqual(
      new Array(3).fill('microsoft/Phi-3-mini-128k-instruct'),
    )
    for (const other of ['phi-3.5-mini', 'phi-3-medium-4k', 'phi-4-mini'])
      expect(namesFor(publishedConfig(other))).toEqual([])
    expect(namesFor(tinyConfig())).toEqual([])
  })

  test('are found for factors in 32 bits and another name of LongRoPE, and not for other factors', () => {
    const config = publishedConfig('phi-3-mini-128k')
    const scaling = config['rope_scaling'] as { short_factor: number[]; long_factor: number[] }
    const withShort = (short: readonly number[]): object => ({
      ...config,
      rope_scaling: { type: 'su', short_factor: short, long_factor: scaling.long_factor },
    })
    expect(namesFor(withShort(scaling.short_factor.map(Math.fround)))).toHaveLength(3)
    expect(namesFor(withShort(scaling.short_factor.map((factor) => factor * 1.001)))).toEqual([])
  })

  test('have the shapes that their tests state', () => {
    for (const reference of publishedReferences) {
      const { max_position_embeddings: positions, vocab_size: vocabulary } = reference.config
      const ids = reference.kind === 'logits' ? reference.ids : [...reference.prompt, ...reference.answer]
      expect(Math.max(...ids)).toBeLessThan(Number(vocabulary))
      expect(tokensOf(reference)).toBeLessThan(Number(positions))
      if (reference.kind === 'logits') expect(reference.logits.map(({ length }) => length)).toEqual([30, 30])
    }
    const answers = publishedReferences.flatMap((reference) =>
      reference.kind === 'continuation' ? [reference.answer.length] : [],
    )
    // New tokens as asked for: 32, up to 64 with the prompt of 41, and 100 beyond a window of 2,047.
    expect(answers).toEqual([32, 23, 100, 32, 23])
    const lengths = publishedReferences.map(tokensOf)
    expect(lengths).toEqual([10, 73, 64, 2381, 10, 73, 64])
  })
})
