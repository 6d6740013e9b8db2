/** phi-nano on a port of this machine, and the official client of OpenAI. */
import { once } from 'node:events'
import { connect } from 'node:net'
import OpenAI, { APIUserAbortError, AuthenticationError, BadRequestError, NotFoundError } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadModel } from '../../engine/load-model.ts'
import type { PhiModel } from '../../engine/phi-model.ts'
import { createServerApp } from '../app.ts'
import type { RequestRecord } from '../figures.ts'
import { listen, type Listening } from './listen.ts'

const name = 'phi-nano'
const key = 'a key'
const records: RequestRecord[] = []
let model: PhiModel
let server: Listening
let client: OpenAI

async function serve(parallel: number): Promise<Listening> {
  const app = createServerApp(model, {
    name,
    places: parallel + 16,
    timeout: 60,
    patience: 60,
    bodyLimit: 100_000,
    keys: [key],
    counters: () => model.counters,
    onRequest: (record) => records.push(record),
  })
  return await listen(app, { host: '127.0.0.1', port: 0, patience: 60 })
}

beforeAll(async () => {
  model = await loadModel(name, { threads: 1, context: 512, maxSequences: 4 })
  server = await serve(4)
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: key, maxRetries: 0 })
})

afterAll(async () => {
  await server.close()
  await model.dispose()
})

const messages = [{ role: 'user', content: 'What is a dog?' }] as const
const asked = { model: name, messages: [...messages] }

/** What the model says without a server. */
async function said(content: string, maxTokens?: number): Promise<string> {
  return (
    await model
      .chat()
      .send(content, maxTokens === undefined ? {} : { maxTokens })
      .result()
  ).text
}

/** What comes of a request that is awaited later: until then its error has to be caught by someone. */
function outcomeOf(request: Promise<unknown>): Promise<unknown> {
  return request.catch((error: unknown) => error)
}

/** Waits until the server says that nothing is being answered. */
async function untilIdle(): Promise<void> {
  await expect
    .poll(async () => {
      const response = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${key}` } })
      return await response.text()
    })
    .toContain('phi_requests_running 0\n')
}

describe('the client of OpenAI', () => {
  it('lists the model', async () => {
    const ids = []
    for await (const { id } of client.models.list()) ids.push(id)
    expect(ids).toEqual([name])
    expect(await client.models.retrieve(name)).toMatchObject({ id: name, object: 'model' })
    await expect(client.models.retrieve('other')).rejects.toThrow(NotFoundError)
  })

  it('gets an answer, with its usage', async () => {
    const { choices, usage } = await client.chat.completions.create(asked)
    expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { role: 'assistant' } })
    expect(choices[0]?.message.content).toBe(await said('What is a dog?'))
    expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0))
    // The second time its beginning is in the cache, which all requests share.
    const again = await client.chat.completions.create({ ...asked, max_completion_tokens: 2 })
    expect(again.usage?.prompt_tokens_details?.cached_tokens).toBeGreaterThan(0)
    expect(again.choices[0]?.finish_reason).toBe('length')
    expect(again.usage?.completion_tokens).toBe(2)
  })

  it('reads a stream', async () => {
    const stream = await client.chat.completions.create({
      ...asked,
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
    expect(text).toBe(await said('What is a dog?'))
    expect(chunks.length).toBeGreaterThan(5)
    expect(chunks.at(-1)?.choices).toEqual([])
    expect(chunks.at(-1)?.usage?.completion_tokens).toBeGreaterThan(0)
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop')
  })

  it('assembles one with its own helper', async () => {
    const runner = client.chat.completions.stream({ ...asked, n: 2, logprobs: true, top_logprobs: 1 })
    const { choices } = await runner.finalChatCompletion()
    expect(choices.map(({ message }) => message.content)).toEqual(Array(2).fill(await said('What is a dog?')))
    expect(choices[1]?.logprobs?.content?.[0]?.top_logprobs).toHaveLength(1)
  })

  it('sets how tokens are chosen', async () => {
    const drawn = { ...asked, temperature: 1.5, top_p: 0.95, seed: 7, n: 2, max_tokens: 12 }
    const first = await client.chat.completions.create(drawn)
    const second = await client.chat.completions.create(drawn)
    const textsOf = ({ choices }: typeof first) => choices.map(({ message }) => message.content)
    expect(textsOf(second)).toEqual(textsOf(first))
    expect(new Set(textsOf(first)).size).toBe(2)
    const whole = await said('What is a dog?')
    const stop = whole.split(' ')[2] ?? ''
    const stopped = await client.chat.completions.create({ ...asked, stop: [stop] })
    expect(stopped.choices[0]?.message.content).toBe(whole.slice(0, whole.indexOf(stop)))
  })

  it('has texts continued', async () => {
    const prompt = 'A dog is'
    const { text } = await model.generate(prompt, { maxTokens: 8 }).result()
    const whole = await client.completions.create({ model: name, prompt, max_tokens: 8, logprobs: 2 })
    expect(whole.choices[0]?.text).toBe(text)
    expect(whole.choices[0]?.logprobs?.tokens?.join('')).toBe(text)
    const parts = []
    const stream = await client.completions.create({
      model: name,
      prompt: [prompt, prompt],
      max_tokens: 8,
      stream: true,
    })
    for await (const { choices } of stream) parts.push(...choices)
    for (const choice of [0, 1]) {
      expect(
        parts
          .filter(({ index }) => index === choice)
          .map((part) => part.text)
          .join(''),
      ).toBe(text)
    }
    const ids = model.tokenizer.encode(prompt)
    const ofIds = await client.completions.create({ model: name, prompt: ids, max_tokens: 8 })
    expect(ofIds.choices[0]?.text).toBe(text)
  })

  it('throws its own errors', async () => {
    const { completions } = client.chat
    await expect(completions.create({ ...asked, top_p: 2 })).rejects.toMatchObject({ status: 400, param: 'top_p' })
    await expect(completions.create({ ...asked, model: 'gpt' })).rejects.toThrow(NotFoundError)
    const long = [{ role: 'user' as const, content: 'dog '.repeat(600) }]
    await expect(completions.create({ ...asked, messages: long })).rejects.toMatchObject({
      status: 400,
      code: 'context_length_exceeded',
    })
    await expect(completions.create({ ...asked, messages: long, stream: true })).rejects.toThrow(BadRequestError)
    const huge = [{ role: 'user' as const, content: 'dog '.repeat(50_000) }]
    await expect(completions.create({ ...asked, messages: huge })).rejects.toMatchObject({ status: 413 })
    const stranger = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'other', maxRetries: 0 })
    await expect(stranger.chat.completions.create(asked)).rejects.toThrow(AuthenticationError)
    const schema = { type: 'object', patternProperties: {} }
    const format = { type: 'json_schema', json_schema: { name: 'x', schema } } as const
    for (const stream of [false, true]) {
      const refused = completions.create({ ...asked, response_format: format, stream })
      await expect(refused).rejects.toMatchObject({
        status: 400,
        message: expect.stringContaining('patternProperties'),
      })
    }
  })
})

it('holds answers to a schema', async () => {
  const schema = {
    type: 'object',
    properties: { name: { type: 'string', maxLength: 12 }, alive: { type: 'boolean' } },
    required: ['name', 'alive'],
    additionalProperties: false,
  }
  const { choices } = await client.chat.completions.create({
    ...asked,
    max_tokens: 120,
    response_format: { type: 'json_schema', json_schema: { name: 'thing', schema, strict: true } },
  })
  const [choice] = choices
  expect(choice?.finish_reason).toBe('stop')
  const thing = JSON.parse(choice?.message.content ?? '') as Readonly<Record<string, unknown>>
  expect(Object.keys(thing)).toEqual(['name', 'alive'])
  expect(typeof thing['alive']).toBe('boolean')
})

describe('functions', () => {
  const parameters = {
    type: 'object',
    properties: { thing: { type: 'string', maxLength: 10 }, size: { enum: ['small', 'large'] } },
    required: ['thing', 'size'],
    additionalProperties: false,
  }
  const called = { name: 'look_up', description: 'Looks a thing up.', parameters, strict: true }
  const tools = [{ type: 'function' as const, function: called }]
  const tool_choice = { type: 'function' as const, function: { name: 'look_up' } }
  const forced = { ...asked, tools, tool_choice, max_tokens: 200 }

  it('are called by their schemas, whole and assembled from a stream', async () => {
    const { choices } = await client.chat.completions.create(forced)
    expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } })
    const [call] = choices[0]?.message.tool_calls ?? []
    if (call?.type !== 'function') throw new Error('no call')
    expect(call.function.name).toBe('look_up')
    const given = JSON.parse(call.function.arguments) as Readonly<Record<string, unknown>>
    expect(Object.keys(given)).toEqual(['thing', 'size'])
    const streamed = await client.chat.completions.stream(forced).finalChatCompletion()
    expect(streamed.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: [{ type: 'function', function: call.function }] },
    })
  })

  it('are run by the helper of the client, and what they returned is understood', async () => {
    const asks: unknown[] = []
    const look = (given: object): string => {
      asks.push(given)
      return 'A dog is an animal.'
    }
    const runner = client.chat.completions.runTools({
      ...forced,
      tools: [{ type: 'function', function: { ...called, function: look, parse: JSON.parse } }],
    })
    await runner.done()
    expect(asks).toHaveLength(1)
    const conversation = [...runner.messages]
    expect(conversation.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool'])
    const next = await client.chat.completions.create({ ...asked, messages: conversation, tools, max_tokens: 10 })
    expect(next.choices[0]?.message.content).toEqual(expect.any(String))
  })

  it('that cannot be held to, or do not exist, are refused', async () => {
    const odd = { type: 'function' as const, function: { name: 'odd', parameters: { type: 'object', not: {} } } }
    const { completions } = client.chat
    await expect(
      completions.create({ ...asked, tools: [odd], tool_choice: 'required', stream: true }),
    ).rejects.toMatchObject({ status: 400, message: expect.stringContaining('the keyword "not"') })
    const lost = [...asked.messages, { role: 'tool' as const, content: 'x', tool_call_id: 'call_1' }]
    await expect(completions.create({ ...asked, messages: lost })).rejects.toMatchObject({
      status: 400,
      param: 'messages[1].tool_call_id',
    })
  })
})

describe('vectors of texts', () => {
  const input = ['A dog is an animal.', 'A dog', 'A stone']

  it('come in the order of the texts, as numbers and as bytes', async () => {
    const expected = await model.embed(input)
    for (const encoding_format of [undefined, 'float', 'base64'] as const) {
      const { data, usage } = await client.embeddings.create({
        model: name,
        input,
        ...(encoding_format === undefined ? {} : { encoding_format }),
      })
      expect(usage.prompt_tokens).toBe(expected.reduce((sum, { tokens }) => sum + tokens, 0))
      expect(data.map(({ index }) => index)).toEqual([0, 1, 2])
      for (const [index, { vector }] of expected.entries()) {
        const found: unknown = data[index]?.embedding
        // Without a format the client asks for bytes, and reads them.
        const values =
          typeof found === 'string'
            ? new Float32Array(Uint8Array.from(Buffer.from(found, 'base64')).buffer)
            : Float32Array.from(found as number[])
        expect(values).toEqual(vector)
      }
    }
    const ids = model.tokenizer.encode('A dog')
    const { data } = await client.embeddings.create({ model: name, input: ids, encoding_format: 'float' })
    expect(data).toHaveLength(1)
    expect(Float32Array.from(data[0]?.embedding ?? [])).toEqual(expected[1]?.vector)
    expect(records.at(-1)).toMatchObject({ path: '/v1/embeddings', status: 200, usage: { prompt_tokens: ids.length } })
  })

  it('are refused where they cannot be made', async () => {
    const refused = async (fields: object): Promise<unknown> =>
      await outcomeOf(client.embeddings.create({ model: name, input: 'A dog', ...fields }))
    expect(await refused({ dimensions: 16 })).toMatchObject({ status: 400, param: 'dimensions' })
    expect(await refused({ dimensions: 256 })).toMatchObject({ object: 'list' })
    expect(await refused({ input: [] })).toMatchObject({ status: 400, param: 'input' })
    expect(await refused({ input: ['A', 'dog '.repeat(600)] })).toMatchObject({
      status: 400,
      param: 'input[1]',
      code: 'context_length_exceeded',
    })
    expect(await refused({ input: [[1], [10 ** 6]] })).toMatchObject({ status: 400, param: 'input[1]' })
    expect(await refused({ model: 'other' })).toBeInstanceOf(NotFoundError)
  })

  it('end with the client that wants them', async () => {
    await untilIdle()
    const { rows } = model.counters
    const controller = new AbortController()
    const many = Array.from({ length: 60 }, () => 'dog '.repeat(400))
    const all = outcomeOf(client.embeddings.create({ model: name, input: many }, { signal: controller.signal }))
    await expect.poll(() => model.counters.rows - rows).toBeGreaterThan(100)
    controller.abort()
    expect(await all).toBeInstanceOf(APIUserAbortError)
    await untilIdle()
    expect(model.counters.rows - rows).toBeLessThan(60 * 400)
  })
})

describe('several clients', () => {
  it('are answered together, each as if it were alone', async () => {
    const things = ['dog', 'cat', 'hammer', 'lemon', 'river', 'boat', 'fox', 'stone']
    const alone = []
    for (const thing of things) alone.push(await said(`What is a ${thing}?`))
    const { runs, rows } = model.counters
    const texts = await Promise.all(
      things.map(async (thing) => {
        const stream = await client.chat.completions.create({
          model: name,
          messages: [{ role: 'user', content: `What is a ${thing}?` }],
          stream: true,
        })
        let text = ''
        for await (const { choices } of stream) text += choices[0]?.delta.content ?? ''
        return text
      }),
    )
    expect(texts).toEqual(alone)
    // Four sequences share a batch.
    expect(model.counters.rows - rows).toBeGreaterThan(2 * (model.counters.runs - runs))
  })
})

describe('a client that goes away', () => {
  /** Without an end of its own: no token of the model ends it. */
  const endless = { ...asked, max_tokens: 450, logit_bias: {} as Record<string, number> }

  beforeAll(() => {
    for (const id of model.stopIds) endless.logit_bias[id] = -100
  })

  it('in the middle of a stream, or while it waits, ends the answer in the engine', async () => {
    await untilIdle()
    const { rows } = model.counters
    const stream = await client.chat.completions.create({ ...endless, stream: true })
    for await (const _ of stream) break
    await untilIdle()
    const controller = new AbortController()
    const whole = outcomeOf(client.chat.completions.create(endless, { signal: controller.signal }))
    await expect.poll(() => model.counters.rows - rows).toBeGreaterThan(50)
    controller.abort()
    expect(await whole).toBeInstanceOf(APIUserAbortError)
    await untilIdle()
    expect(model.engine.hasRoomFor(4 * 512)).toBe(true)
    expect(model.counters.rows - rows).toBeLessThan(800)
    const ends = records.filter(({ path }) => path === '/v1/chat/completions').slice(-2)
    expect(ends.map(({ status }) => status)).toEqual([499, 499])
  })

  it('leaves the others theirs', async () => {
    const alone = await said('What is a cat?')
    const leaving = Array.from({ length: 3 }, async () => {
      const stream = await client.chat.completions.create({ ...endless, stream: true })
      let count = 0
      for await (const _ of stream) if (++count === 5) break
    })
    const staying = client.chat.completions.create({
      ...asked,
      messages: [{ role: 'user', content: 'What is a cat?' }],
    })
    const [{ choices }] = await Promise.all([staying, ...leaving])
    expect(choices[0]?.message.content).toBe(alone)
    await untilIdle()
  })
})

describe('a connection', () => {
  /** What comes back for bytes that are no request of a client. */
  function answerTo(bytes: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () => socket.write(bytes))
      let text = ''
      socket.setEncoding('utf8').on('data', (data: string) => (text += data))
      socket.on('error', reject).on('close', () => resolve(text))
    })
  }

  it('that speaks no HTTP is closed with 400', async () => {
    expect(await answerTo('hello\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /)
  })

  it('may rest for longer than a request may take and proxies let theirs rest', async () => {
    const { headers } = await fetch(`${server.url}/health`)
    expect(headers.get('keep-alive')).toBe('timeout=75')
  })

  it('with a foreign name is refused, as after DNS rebinding', async () => {
    const request = 'GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n'
    expect(await answerTo(request)).toMatch(/^HTTP\/1.1 403 [\s\S]*host_not_allowed/)
  })
})

it('closing lets a stream end, and takes no new connections', async () => {
  const closing = await serve(4)
  const other = new OpenAI({ baseURL: `${closing.url}/v1`, apiKey: key, maxRetries: 0 })
  const stream = await other.chat.completions.create({ ...asked, stream: true })
  const closed = closing.close()
  await expect(fetch(`${closing.url}/health`)).rejects.toThrow('fetch failed')
  let text = ''
  for await (const { choices } of stream) text += choices[0]?.delta.content ?? ''
  expect(text).toBe(await said('What is a dog?'))
  await closed
})

it('closing does not wait for connections on which nothing was asked', async () => {
  const app = { fetch: () => Promise.resolve(new Response()), drain: () => Promise.resolve() }
  const closing = await listen(app, { host: '127.0.0.1', port: 0, patience: 3600 })
  const socket = connect(Number(new URL(closing.url).port), '127.0.0.1')
  const closed = once(socket, 'close')
  await once(socket, 'connect')
  // By the answer on another one, which came later, the server knows of the first.
  await (await fetch(closing.url)).text()
  await closing.close()
  await closed
  expect(socket.bytesRead).toBe(0)
})

it('an address that is taken is named', async () => {
  const { port } = new URL(server.url)
  const app = { fetch: () => Promise.resolve(new Response()), drain: () => Promise.resolve() }
  await expect(listen(app, { host: '127.0.0.1', port: Number(port), patience: 1 })).rejects.toThrow(
    `cannot listen on 127.0.0.1, port ${port}`,
  )
})
