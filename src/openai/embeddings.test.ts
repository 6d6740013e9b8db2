/** Vectors in OpenAI's shape, of a model that is told what to give. The engine's are tested beside it. */
import { describe, expect, it } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { embedInputs, readEmbeddingRequest, type EmbeddingModel } from './embeddings.ts'
import { RequestError } from './errors.ts'

const signal = new AbortController().signal

/** Gives each text a vector by its length. */
const model: EmbeddingModel = {
  embed: async (texts) =>
    texts.map(({ length }) => ({ vector: Float32Array.of(length, -0.5, 1e-3), tokens: length + 1 })),
}

function refusal(request: unknown): RequestError {
  try {
    readEmbeddingRequest(request)
  } catch (error) {
    expect(error).toBeInstanceOf(RequestError)
    return error as RequestError
  }
  throw new Error('the request was not refused')
}

describe('a request for vectors', () => {
  it.each([
    ['a text', ['a text']],
    [
      ['one', 'two'],
      ['one', 'two'],
    ],
    [[1, 2, 3], [[1, 2, 3]]],
    [
      [[1], [2, 3]],
      [[1], [2, 3]],
    ],
  ])('has texts or ids, one or many: %j', (input, inputs) => {
    expect(readEmbeddingRequest({ input, model: 'phi' })).toEqual({
      inputs,
      isBase64: false,
      dimensions: undefined,
      model: 'phi',
    })
  })

  it.each<[string, unknown]>([
    ['body', 'text'],
    ['input', {}],
    ['input', { input: [] }],
    ['input', { input: ['a', 1] }],
    ['input', { input: [[]] }],
    ['input', { input: [-1] }],
    ['input', { input: Array.from({ length: 2049 }, () => 'a') }],
    ['encoding_format', { input: 'a', encoding_format: 'int8' }],
    ['dimensions', { input: 'a', dimensions: 0 }],
    ['user', { input: 'a', user: 1 }],
    ['truncate', { input: 'a', truncate: true }],
  ])('is refused where %s cannot be used', (param, request) => {
    expect(refusal(request).param).toBe(param)
  })
})

describe('vectors', () => {
  const task = readEmbeddingRequest({ input: ['ab', 'abc'] })

  it('are listed with what they cost', async () => {
    const rounded = Math.fround(1e-3)
    expect(await embedInputs(model, task, 'phi', signal)).toEqual({
      object: 'list',
      data: [
        { object: 'embedding', index: 0, embedding: [2, -0.5, rounded] },
        { object: 'embedding', index: 1, embedding: [3, -0.5, rounded] },
      ],
      model: 'phi',
      usage: { prompt_tokens: 7, total_tokens: 7 },
    })
  })

  it('are bytes of floats, the least first, where they are asked for', async () => {
    const { data } = await embedInputs(model, { ...task, isBase64: true }, 'phi', signal)
    const bytes = Buffer.from(String(data[1]?.embedding), 'base64')
    expect([0, 4, 8].map((at) => bytes.readFloatLE(at))).toEqual([3, -0.5, Math.fround(1e-3)])
  })

  it('have the dimensions that they have', async () => {
    expect((await embedInputs(model, { ...task, dimensions: 3 }, 'phi', signal)).data).toHaveLength(2)
    await expect(embedInputs(model, { ...task, dimensions: 2 }, 'phi', signal)).rejects.toMatchObject({
      param: 'dimensions',
      reason: 'unsupported_value',
    })
  })

  it('that cannot be made name the text; other errors stay what they are', async () => {
    const failing = (error: Error): EmbeddingModel => ({
      embed: async (texts) => {
        if (texts[0] === 'abc') throw error
        return await model.embed(texts)
      },
    })
    const full = failing(new PocketPhiError('context-full', 'Too long.', { expected: '4' }))
    await expect(embedInputs(full, task, 'phi', signal)).rejects.toMatchObject({
      param: 'input[1]',
      reason: 'context_length_exceeded',
    })
    const broken = new TypeError('defect')
    await expect(embedInputs(failing(broken), task, 'phi', signal)).rejects.toBe(broken)
    await expect(embedInputs(model, task, 'phi', AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' })
  })
})
