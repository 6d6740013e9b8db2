/** Answers that are held to a format, by a tiny model of random weights: what it would say by itself is noise. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import type { AnswerFormat } from '../grammar/constraint.ts'
import type { GenerateOptions, GenerationResult } from './generate.ts'
import { loadModel } from './load-model.ts'
import type { PhiModel } from './phi-model.ts'
import { tinyFiles } from './tiny-model-harness.ts'

let model: PhiModel

beforeAll(async () => {
  model = await loadModel(await tinyFiles({ tidy: true }), { threads: 1, maxRows: 32, context: 192 })
})

afterAll(async () => {
  await model.dispose()
})

const prompt = 'the small phi reads'

async function answer(format: AnswerFormat, options: GenerateOptions = {}): Promise<GenerationResult> {
  return await model.generate(prompt, { format, maxTokens: 180, ...options }).result()
}

const person: AnswerFormat = {
  type: 'json-schema',
  schema: {
    type: 'object',
    properties: { name: { type: 'string', maxLength: 8 }, age: { type: 'integer', minimum: 0, maximum: 130 } },
    required: ['name', 'age'],
    additionalProperties: false,
  },
}

describe('an answer with a format', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('is JSON by the schema, whatever is drawn: seed %i', async (seed) => {
    const { text, finish } = await answer(person, { temperature: 1.5, seed })
    expect(finish).toBe('stop')
    const value = JSON.parse(text) as { readonly name: string; readonly age: number }
    expect(Object.keys(value)).toEqual(['name', 'age'])
    expect([...value.name].length).toBeLessThanOrEqual(8)
    expect(value.age).toBeGreaterThanOrEqual(0)
    expect(value.age).toBeLessThanOrEqual(130)
  })

  it('ends when nothing can follow, without drawing an end', async () => {
    const { ids, usage, text } = await answer({ type: 'regex', pattern: '(?:yes|no)!' }, { temperature: 1, seed: 3 })
    expect(text).toMatch(/^(?:yes|no)!$/)
    expect(usage.generatedTokens).toBe(ids.length)
  })

  it('may end where the model wants to, if it is whole', async () => {
    const { text, finish, stoppedBy } = await answer(
      { type: 'regex', pattern: 'a{1,400}' },
      { temperature: 1, seed: 1, stopIds: [7], maxTokens: 190 },
    )
    expect(text).toMatch(/^a+$/)
    if (text.length < 400 && finish === 'stop') expect(stoppedBy).toBeDefined()
  })

  it('is a part of one where the tokens do not suffice, and says so', async () => {
    const { text, finish } = await answer(person, { maxTokens: 4, temperature: 0 })
    expect(finish).toBe('length')
    expect(() => JSON.parse(text) as unknown).toThrow('JSON')
  })

  it('has the same probabilities among what fits, with every limit of sampling', async () => {
    const digits: AnswerFormat = { type: 'regex', pattern: '[0-9]{12}' }
    for (const options of [{ topK: 3 }, { topP: 0.5 }, { minP: 0.2 }, { repetitionPenalty: 1.3 }]) {
      const { text } = await answer(digits, { temperature: 1, seed: 5, ...options })
      expect(text).toMatch(/^[0-9]{12}$/)
    }
  })

  it('gives the same with guesses asked for, and with another answer beside it', async () => {
    const alone = await answer(person, { temperature: 1, seed: 9 })
    const [guessed, beside] = await Promise.all([
      answer(person, { temperature: 1, seed: 9, speculate: true }),
      answer({ type: 'json' }, { temperature: 0, maxTokens: 20 }),
    ])
    expect(guessed.text).toBe(alone.text)
    expect(guessed.usage.guessedTokens).toBe(0)
    expect(beside.text.trimStart()).toMatch(/^\{/)
  })

  it('is refused where it cannot be held to', async () => {
    const refused = async (format: AnswerFormat): Promise<string> => {
      const error: unknown = await answer(format).catch((cause: unknown) => cause)
      if (error instanceof PocketPhiError) return error.code
      throw error
    }
    expect(await refused({ type: 'json-schema', schema: { not: {} } })).toBe('not-supported')
    expect(await refused({ type: 'json-schema', schema: false })).toBe('not-supported')
    expect(await refused({ type: 'json-schema', schema: 7 })).toBe('invalid-argument')
    expect(await refused({ type: 'regex', pattern: '(' })).toBe('invalid-argument')
    await using without = await loadModel(
      new Map([...(await tinyFiles({ tidy: true }))].filter(([name]) => !name.startsWith('tokenizer'))),
      { threads: 1, maxRows: 32, context: 192 },
    )
    await expect(without.generate([5, 6], { format: { type: 'json' } }).result()).rejects.toThrow('tokenizer')
  })
})
