/** OpenAI's interface over phi-nano, in this process and over a port. */
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { loadModel } from '../engine/load-model.ts'
import type { GenerationResult } from '../engine/generate.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import { tinyEyes, tinyFiles } from '../engine/tiny-model-harness.ts'
import { connectEngine, type RemoteEngine, type RemoteModel } from '../worker/index.ts'
import { serveEngine } from '../worker/serve.ts'
import { errorAnswer, RequestError } from './errors.ts'
import {
  APIError,
  APIUserAbortError,
  createClient,
  type ChatCompletionChunk,
  type CompletionParams,
  type CompletionParamsNonStreaming,
} from './index.ts'
import { readRequest } from './request.ts'
import { ChunkWriter, completionOf } from './response.ts'

const messages = [{ role: 'user', content: 'What is a dog?' }] as const
const options = { threads: 1, context: 256 }
const channel = new MessageChannel()
let local: PhiModel
let engine: RemoteEngine
let remote: RemoteModel

beforeAll(async () => {
  local = await loadModel('phi-nano', options)
  serveEngine(channel.port2)
  engine = connectEngine(channel.port1)
  remote = await engine.loadModel('phi-nano', options)
})

afterAll(async () => {
  await engine.dispose()
  await local.dispose()
  channel.port1.close()
})

/** The result of a short answer, with the fields that are told. */
function result(text: string, finish: GenerationResult['finish'], generatedTokens: number): GenerationResult {
  const usage = {
    promptTokens: 7,
    reusedTokens: 3,
    generatedTokens,
    guessedTokens: 0,
    acceptedTokens: 0,
    promptSeconds: 1,
    generationSeconds: 1,
    promptTokensPerSecond: 1,
    generatedTokensPerSecond: 1,
  }
  return { text, ids: [], finish, usage, seed: 1 }
}

function refusal(request: unknown): RequestError {
  try {
    readRequest(request)
  } catch (error) {
    expect(error).toBeInstanceOf(RequestError)
    return error as RequestError
  }
  throw new Error('the request was not refused')
}

async function caught(work: Promise<unknown>): Promise<APIError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(APIError)
  return error as APIError
}

async function chunksOf(stream: AsyncIterable<ChatCompletionChunk>): Promise<ChatCompletionChunk[]> {
  const chunks: ChatCompletionChunk[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

const textOf = (chunks: readonly ChatCompletionChunk[], index = 0): string =>
  chunks
    .flatMap(({ choices }) => choices.filter((choice) => choice.index === index))
    .map(({ delta }) => delta.content ?? '')
    .join('')

it('a model behind a port tells how its conversations are written', () => {
  expect(local.templateName).toBe('phi-3-mini')
  expect(remote.templateName).toBe(local.templateName)
})

describe('a request', () => {
  it('becomes options of the engine', () => {
    const request = {
      model: 'phi',
      messages: [
        { role: 'developer', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
      ],
      temperature: 0.5,
      top_p: 0.9,
      max_completion_tokens: 5,
      stop: ['x', 'y'],
      seed: 3,
      n: 2,
      logit_bias: { 7: -100, 9: 1.5 },
      logprobs: true,
      top_logprobs: 3,
      stream: true,
      stream_options: { include_usage: true },
      user: 'somebody',
    }
    const biasAndLogprobs = {
      logitBias: new Map([
        [7, -100],
        [9, 1.5],
      ]),
      logprobs: 3,
    }
    expect(readRequest(request)).toEqual({
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'a\nb' },
      ],
      options: { temperature: 0.5, topP: 0.9, maxTokens: 5, stop: ['x', 'y'], seed: 3, ...biasAndLogprobs },
      choices: 2,
      stream: true,
      includeUsage: true,
      model: 'phi',
    })
  })

  it('leaves to the model what it does not say, also with null and with values that ask for nothing', () => {
    const task = {
      messages: [...messages],
      options: {},
      choices: 1,
      stream: false,
      includeUsage: false,
      model: undefined,
    }
    expect(readRequest({ messages })).toEqual(task)
    const filled = {
      ...{ temperature: null, stop: null, n: null, stream: null, stream_options: null, tools: [], logit_bias: {} },
      ...{
        presence_penalty: 0,
        frequency_penalty: 0,
        logprobs: false,
        response_format: { type: 'text' },
        store: false,
      },
    }
    expect(readRequest({ messages, ...filled })).toEqual(task)
  })

  it.each([
    ['functions', [{ name: 'f' }]],
    ['presence_penalty', 0.5],
    ['top_k', 40],
    ['toString', 'x'],
  ])('with %s is refused by that name', (name, value) => {
    const { param, reason, message, remedy } = refusal({ messages, [name]: value })
    expect({ param, reason, remedy }).toEqual({ param: name, reason: 'unsupported_parameter', remedy: 'Leave it out.' })
    expect(message).toContain(`"${name}"`)
  })

  it.each<[string, Record<string, unknown>]>([
    ['messages', { messages: [] }],
    ['messages', { messages: 'Hello' }],
    ['messages[0]', { messages: ['Hello'] }],
    ['messages[0].role', { messages: [{ role: 'function', content: 'x' }] }],
    ['messages[0].role', { messages: [{ role: 'toString', content: 'x' }] }],
    ['messages[0].content', { messages: [{ role: 'user', content: null }] }],
    ['messages[0].name', { messages: [{ role: 'user', content: 'x', name: 'Ann' }] }],
    [
      'messages[0].content[1].type',
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }, { type: 'input_audio' }] }] },
    ],
    ['messages[0].content[0].text', { messages: [{ role: 'user', content: [{ type: 'text' }] }] }],
    ['logprobs', { logprobs: 1 }],
    ['top_logprobs', { top_logprobs: 2 }],
    ['top_logprobs', { logprobs: true, top_logprobs: 21 }],
    ['logit_bias', { logit_bias: [1] }],
    ['logit_bias', { logit_bias: { word: 1 } }],
    ['logit_bias.7', { logit_bias: { 7: 101 } }],
    ['temperature', { temperature: 2.5 }],
    ['temperature', { temperature: '1' }],
    ['temperature', { temperature: Number.NaN }],
    ['top_p', { top_p: 0 }],
    ['max_tokens', { max_tokens: 0 }],
    ['max_tokens', { max_tokens: 5, max_completion_tokens: 6 }],
    ['stop', { stop: [''] }],
    ['seed', { seed: 0.5 }],
    ['n', { n: 129 }],
    ['stream', { stream: 'yes' }],
    ['stream_options', { stream_options: { include_usage: true } }],
    ['stream_options.include_usage', { stream: true, stream_options: { include_usage: 1 } }],
    ['stream_options.other', { stream: true, stream_options: { other: 1 } }],
    ['model', { model: 3 }],
  ])('is refused where %s cannot be used: %j', (param, fields) => {
    expect(refusal({ messages, ...fields }).param).toBe(param)
  })

  it.each([undefined, null, 'text', [messages]])('that is no object is refused: %j', (request) => {
    expect(refusal(request).param).toBe('body')
  })
})

describe('answers', () => {
  const identity = { id: 'chatcmpl-1', created: 5, model: 'phi' }
  const usage = {
    prompt_tokens: 7,
    completion_tokens: 6,
    total_tokens: 13,
    prompt_tokens_details: { cached_tokens: 3 },
  }

  it('have the shape of chat.completion', () => {
    expect(
      completionOf(identity, [{ result: result('one', 'stop', 4) }, { result: result('two', 'context-full', 2) }]),
    ).toEqual({
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 5,
      model: 'phi',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'one', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
        {
          index: 1,
          message: { role: 'assistant', content: 'two', refusal: null },
          logprobs: null,
          finish_reason: 'length',
        },
      ],
      usage,
    })
  })

  it('have the shape of chat.completion.chunk, with the role first and the usage last', () => {
    const writer = new ChunkWriter(identity, true)
    const chunks = [
      ...writer.chunks({ kind: 'text', index: 0, text: 'one' }),
      ...writer.chunks({ kind: 'end', index: 0, result: result('one', 'stop', 4) }),
      ...writer.chunks({ kind: 'end', index: 1, result: result('', 'length', 2) }),
      ...writer.end(),
    ]
    const common = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 5, model: 'phi' }
    const chunk = (index: number, delta: object, finish_reason: string | null) => ({
      ...common,
      choices: [{ index, delta, logprobs: null, finish_reason }],
      usage: null,
    })
    expect(chunks).toEqual([
      chunk(0, { role: 'assistant', content: '' }, null),
      chunk(0, { content: 'one' }, null),
      chunk(0, {}, 'stop'),
      chunk(1, { role: 'assistant', content: '' }, null),
      chunk(1, {}, 'length'),
      { ...common, choices: [], usage },
    ])
  })

  it('say nothing of usage unless it is asked for', () => {
    const writer = new ChunkWriter(identity, false)
    expect(writer.chunks({ kind: 'text', index: 0, text: 'one' })[0]).not.toHaveProperty('usage')
    expect(writer.end()).toEqual([])
  })

  it('that failed have a status, a type, a code and a parameter', () => {
    const full = new PocketPhiError('context-full', 'Too long.', { remedy: 'Shorten it.' })
    expect(errorAnswer(full)).toEqual({
      status: 400,
      error: {
        message: 'Too long. Shorten it.',
        type: 'invalid_request_error',
        param: null,
        code: 'context_length_exceeded',
      },
    })
    expect(errorAnswer(refusal({ messages, n: 0 }))).toMatchObject({
      status: 400,
      error: { type: 'invalid_request_error', param: 'n', code: 'invalid_value' },
    })
    expect(errorAnswer(new TypeError('defect'))).toEqual({
      status: 500,
      error: { message: 'defect', type: 'server_error', param: null, code: null },
    })
  })
})

describe('a request with pictures', () => {
  const data = (type: string, bytes: Uint8Array): string =>
    `data:${type};base64,${Buffer.from(bytes).toString('base64')}`
  const asked = (image: unknown, role = 'user'): CompletionParams =>
    ({
      messages: [
        {
          role,
          content: [
            { type: 'text', text: 'What is it?' },
            { type: 'image_url', image_url: image },
          ],
        },
      ],
      max_tokens: 4,
    }) as CompletionParams

  it('has them beside the words of their message, cut as its detail says', () => {
    const bytes = Uint8Array.of(1, 2, 3)
    const [message] = readRequest(asked({ url: data('image/png', bytes), detail: 'low' })).messages
    expect(message).toEqual({
      role: 'user',
      content: 'What is it?',
      pictures: [{ bytes, options: { tiles: 1 }, param: 'messages[0].content[1].image_url.url' }],
    })
    expect(readRequest(asked({ url: data('image/webp', bytes) })).messages[0]?.pictures?.[0]?.options).toEqual({})
  })

  it.each([
    ['an address on the net', { url: 'https://example.org/a.png' }, 'user', '[1].image_url.url'],
    ['a file that is no picture', { url: data('image/svg+xml', Uint8Array.of(1)) }, 'user', '[1].image_url.url'],
    ['what is no base64', { url: 'data:image/png;base64,???' }, 'user', '[1].image_url.url'],
    ['no address', {}, 'user', '[1].image_url.url'],
    ['a text', 'data:image/png;base64,AA==', 'user', '[1].image_url'],
    ['an unknown detail', { url: data('image/png', Uint8Array.of(1)), detail: 'huge' }, 'user', '[1].image_url.detail'],
    ['an unknown field', { url: data('image/png', Uint8Array.of(1)), size: 3 }, 'user', '[1].image_url.size'],
    ['a picture of the system', { url: data('image/png', Uint8Array.of(1)) }, 'system', '[1].type'],
  ])('is refused with %s', (_title, image, role, param) => {
    expect(refusal(asked(image, role)).param).toBe(`messages[0].content${param}`)
  })

  it('is answered as the model answers, here and over a port', async () => {
    const png = await sharp(
      Uint8Array.from({ length: 3600 }, (_, at) => (at * 7919) % 251),
      { raw: { width: 40, height: 30, channels: 3 } },
    )
      .png()
      .toBuffer()
    const files = await tinyFiles({ tidy: true, config: tinyEyes })
    await using here = await loadModel(files, { threads: 1, context: 1024 })
    const there = await engine.loadModel(files, { threads: 1, context: 1024 })
    const request = asked({ url: data('image/png', png), detail: 'low' })
    const pictures = [await here.picture(png, { tiles: 1 })]
    const expected = await here.chat().send('What is it?', { pictures, maxTokens: 4 }).result()
    expect(expected.usage.promptTokens).toBeGreaterThan(313)
    for (const client of [createClient(here), createClient(there)]) {
      const { choices, usage } = await client.chat.completions.create(request as CompletionParamsNonStreaming)
      expect(choices[0]?.message.content).toBe(expected.text)
      expect(usage.prompt_tokens).toBe(expected.usage.promptTokens)
      const torn = asked({ url: data('image/png', png.subarray(0, png.length / 2)) })
      expect(await caught(client.chat.completions.create(torn as CompletionParamsNonStreaming))).toMatchObject({
        status: 400,
        param: 'messages[0].content[1].image_url.url',
        code: 'image_parse_error',
      })
    }
    await there.dispose()
    const blind = createClient(local).chat.completions.create(request as CompletionParamsNonStreaming)
    expect(await caught(blind)).toMatchObject({ status: 400, code: 'unsupported_value' })
  })
})

describe.each([
  ['here', () => createClient(local)],
  ['over a port', () => createClient(remote)],
])('a client of a model that is %s', (_title, clientOf) => {
  it('answers as the model does', async () => {
    const { choices, usage, model, id, created } = await clientOf().chat.completions.create({
      messages,
      model: 'mine',
    })
    const expected = await local.chat().send(messages[0].content).result()
    expect(expected.text).not.toBe('')
    expect(choices).toEqual([
      {
        index: 0,
        message: { role: 'assistant', content: expected.text, refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ])
    expect(usage.completion_tokens).toBe(expected.usage.generatedTokens)
    expect(usage.prompt_tokens).toBe(expected.usage.promptTokens)
    expect(model).toBe('mine')
    expect(id).toMatch(/^chatcmpl-[0-9a-f]{32}$/)
    expect(Number.isInteger(created)).toBe(true)
  })

  it('streams the same text, and the usage', async () => {
    const { completions } = clientOf().chat
    const stream = await completions.create({ messages, stream: true, stream_options: { include_usage: true } })
    const chunks = await chunksOf(stream)
    const { choices, usage } = await completions.create({ messages })
    expect(textOf(chunks)).toBe(choices[0]?.message.content)
    expect(chunks.length).toBeGreaterThan(5)
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop')
    expect(chunks.at(-1)?.usage?.total_tokens).toBe(usage.total_tokens)
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
  })

  it('gives several choices, of which the first is that of a single one', async () => {
    const { completions } = clientOf().chat
    const sampled = { messages, temperature: 1.5, seed: 4, max_tokens: 12 }
    const { choices, usage } = await completions.create({ ...sampled, n: 2 })
    const single = await completions.create(sampled)
    const second = await completions.create({ ...sampled, seed: 5 })
    expect(choices.map(({ message }) => message.content)).toEqual([
      single.choices[0]?.message.content,
      second.choices[0]?.message.content,
    ])
    expect(choices[0]?.message.content).not.toBe(choices[1]?.message.content)
    expect(usage.completion_tokens).toBe(single.usage.completion_tokens + second.usage.completion_tokens)
    const chunks = await chunksOf(await completions.create({ ...sampled, n: 2, stream: true }))
    expect(textOf(chunks, 1)).toBe(choices[1]?.message.content)
  })

  it('ends at a stop text and at a limit, and says which', async () => {
    const { completions } = clientOf().chat
    const whole = (await completions.create({ messages })).choices[0]?.message.content ?? ''
    const stop = whole.split(' ').at(2) ?? ''
    const stopped = (await completions.create({ messages, stop })).choices[0]
    expect(stopped).toMatchObject({ finish_reason: 'stop', message: { content: whole.slice(0, whole.indexOf(stop)) } })
    const limited = await completions.create({ messages, max_completion_tokens: 2 })
    expect(limited.choices[0]?.finish_reason).toBe('length')
    expect(limited.usage.completion_tokens).toBe(2)
  })

  it('refuses where the request is made, also one that streams, and drops no turns', async () => {
    const { completions } = clientOf().chat
    const odd = { messages, best_of: 2 } as CompletionParams
    expect(await caught(completions.create(odd))).toMatchObject({
      status: 400,
      param: 'best_of',
      remedy: 'Leave it out.',
    })
    const long = { role: 'user', content: 'the dog and the cat '.repeat(60) } as const
    for (const stream of [false, true]) {
      const turns = {
        messages: [long, { role: 'assistant', content: 'Yes.' }, ...messages],
        stream,
      } as CompletionParams
      const error = await caught(completions.create(turns))
      expect(error).toMatchObject({ status: 400, code: 'context_length_exceeded', type: 'invalid_request_error' })
      const alone = await caught(completions.create({ messages: [long], stream } as CompletionParams))
      expect(alone.error?.code).toBe('context_length_exceeded')
    }
  })

  it('ends a stream by its controller, without an error and without a reason', async () => {
    const { completions } = clientOf().chat
    const stream = await completions.create({ messages, stream: true, stream_options: { include_usage: true } })
    const chunks: ChatCompletionChunk[] = []
    for await (const chunk of stream) {
      chunks.push(chunk)
      if (chunks.length === 2) stream.controller.abort()
    }
    const whole = (await completions.create({ messages })).choices[0]?.message.content
    expect(textOf(chunks)).not.toBe('')
    expect(textOf(chunks).length).toBeLessThan(whole?.length ?? 0)
    expect(chunks.every(({ choices }) => choices[0]?.finish_reason === null)).toBe(true)
    expect(await caught(chunksOf(stream))).toMatchObject({ status: 400 })
  })

  it('leaves the engine free after streams that are not read, or not to their end', async () => {
    const { completions } = clientOf().chat
    const unread = await completions.create({ messages, stream: true })
    unread.controller.abort()
    expect(await chunksOf(unread)).toEqual([])
    const left = await completions.create({ messages, stream: true })
    for await (const chunk of left) if (chunk.choices[0]?.delta.content !== '') break
    // There is room for one sequence, so this would wait for ever if one of them went on.
    expect((await completions.create({ messages })).choices).toHaveLength(1)
  })

  it('makes vectors of texts', async () => {
    const [expected] = await local.embed(['A dog'])
    const { data, usage } = await clientOf().embeddings.create({ input: 'A dog' })
    expect(data[0]?.embedding).toEqual([...(expected?.vector ?? [])])
    expect(usage.total_tokens).toBe(expected?.tokens)
    expect(await caught(clientOf().embeddings.create({ input: '' }))).toMatchObject({ status: 400, param: 'input[0]' })
    const aborted = clientOf().embeddings.create({ input: 'A dog' }, { signal: AbortSignal.abort() })
    expect(await caught(aborted)).toBeInstanceOf(APIUserAbortError)
  })

  it('throws when the signal fires before there is an answer', async () => {
    const { completions } = clientOf().chat
    for (const stream of [false, true]) {
      const work = completions.create({ messages, stream } as CompletionParams, { signal: AbortSignal.abort() })
      expect(await caught(work)).toBeInstanceOf(APIUserAbortError)
    }
  })
})
