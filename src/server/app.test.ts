/** The app as a function, without a network and with a model that does as it is told. */
import { describe, expect, it, vi } from 'vitest'
import { fakeApp, untilAborted, type Says } from './fake-model-harness.ts'
import type { RequestRecord } from './figures.ts'
import { RateLimit } from './rate-limit.ts'
import type { ErrorBody } from '../openai/types.ts'

const base = 'http://127.0.0.1:8080'
const chat = { messages: [{ role: 'user', content: 'Hello' }] }

const saysHello: Says = async function* () {
  yield await Promise.resolve('Hel')
  yield 'lo'
}

/** Says a word and goes on until it is ended. */
const neverEnds: Says = async function* (signal) {
  yield 'word'
  await untilAborted(signal)
}

function post(body: unknown, { path = '/v1/chat/completions', headers = {}, signal }: PostOptions = {}): Request {
  const sent = typeof body === 'string' ? body : JSON.stringify(body)
  const all = { 'content-type': 'application/json', ...headers }
  return new Request(`${base}${path}`, { method: 'POST', body: sent, headers: all, ...(signal && { signal }) })
}

interface PostOptions {
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

async function errorOf(response: Response): Promise<ErrorBody & { status: number }> {
  const { error } = (await response.json()) as { error: ErrorBody }
  return { ...error, status: response.status }
}

describe('answers', () => {
  it('come whole, in the name of the server', async () => {
    const response = await fakeApp(saysHello).fetch(post({ ...chat, model: 'fake' }))
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      object: 'chat.completion',
      model: 'fake',
      choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 2 },
    })
  })

  it('come in pieces, as events that end with [DONE]', async () => {
    const response = await fakeApp(saysHello).fetch(post({ prompt: 'x', stream: true }, { path: '/v1/completions' }))
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const events = (await response.text()).split('\n\n')
    const data = events.map((event) => event.slice('data: '.length))
    expect(data.slice(-2)).toEqual(['[DONE]', ''])
    const chunks = data.slice(0, -2).map((json) => JSON.parse(json) as { choices: { text: string }[] })
    expect(chunks.map(({ choices }) => choices[0]?.text)).toEqual(['Hel', 'lo', ''])
  })

  it('are told to be broken where the model fails in the middle', async () => {
    const defects: unknown[] = []
    const fails: Says = async function* () {
      yield await Promise.resolve('a')
      throw new Error('a defect')
    }
    const app = fakeApp(fails, { onDefect: (error) => defects.push(error) })
    const text = await (await app.fetch(post({ ...chat, stream: true }))).text()
    expect(text).toContain('"error":{"message":"a defect","type":"server_error"')
    expect(text).not.toContain('[DONE]')
    expect(await errorOf(await app.fetch(post(chat)))).toMatchObject({ status: 500, type: 'server_error' })
    expect(defects).toHaveLength(2)
  })
})

describe('a request is refused', () => {
  const cases: readonly (readonly [
    status: number,
    code: string | null,
    param: string | null,
    request: () => Request,
  ])[] = [
    [404, 'unknown_url', null, () => new Request(`${base}/v1/nothing`)],
    [404, 'model_not_found', null, () => post({ ...chat, model: 'gpt' })],
    [404, 'model_not_found', null, () => new Request(`${base}/v1/models/a/b`)],
    [405, 'method_not_allowed', null, () => new Request(`${base}/v1/chat/completions`)],
    [405, 'method_not_allowed', null, () => post(chat, { path: '/v1/models' })],
    [415, 'unsupported_media_type', null, () => post(chat, { headers: { 'content-type': 'text/plain' } })],
    [400, 'invalid_json', null, () => post('{"messages":')],
    [400, 'invalid_value', 'messages', () => post({})],
    [
      400,
      'invalid_value',
      'response_format.json_schema',
      () => post({ ...chat, response_format: { type: 'json_schema' } }),
    ],
    [400, 'unsupported_value', 'response_format.type', () => post({ ...chat, response_format: { type: 'grammar' } })],
    [400, 'unsupported_parameter', 'functions', () => post({ ...chat, functions: [{}] })],
    [400, 'unsupported_value', 'tools[0].type', () => post({ ...chat, tools: [{}] })],
    [400, 'invalid_value', 'prompt', () => post({}, { path: '/v1/completions' })],
    [413, 'body_too_large', null, () => post({ messages: [{ role: 'user', content: 'x'.repeat(1000) }] })],
    [403, 'host_not_allowed', null, () => new Request('http://evil.example/v1/models')],
    [403, 'origin_not_allowed', null, () => post(chat, { headers: { origin: 'http://evil.example' } })],
    [403, 'origin_not_allowed', null, () => post(chat, { headers: { origin: 'null' } })],
  ]

  it.each(cases)('with %i, %s, %s', async (status, code, param, request) => {
    expect(await errorOf(await fakeApp(saysHello).fetch(request()))).toMatchObject({ status, code, param })
  })

  it('where its body grows too large, whatever it said before', async () => {
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(400)) })
    const headers = { 'content-type': 'application/json' }
    // The types of a page's Request do not have what Node wants of one with a stream.
    const init: RequestInit & { duplex: 'half' } = { method: 'POST', body: endless, headers, duplex: 'half' }
    const request = new Request(`${base}/v1/completions`, init)
    expect(await errorOf(await fakeApp(saysHello).fetch(request))).toMatchObject({ status: 413 })
  })

  it('without a key, and with another one', async () => {
    const records: RequestRecord[] = []
    const app = fakeApp(saysHello, { keys: ['one', 'two'], onRequest: (record) => records.push(record) })
    const missing = await app.fetch(post(chat))
    expect(missing.headers.get('www-authenticate')).toBe('Bearer')
    expect(await errorOf(missing)).toMatchObject({ status: 401, code: 'invalid_api_key' })
    expect((await app.fetch(post(chat, { headers: { authorization: 'Bearer on' } }))).status).toBe(401)
    expect((await app.fetch(post(chat, { headers: { authorization: 'Bearer two' } }))).status).toBe(200)
    expect(records.map(({ key }) => key)).toEqual([undefined, undefined, 2])
    expect((await app.fetch(new Request(`${base}/metrics`))).status).toBe(401)
    expect((await app.fetch(new Request(`${base}/health`))).status).toBe(200)
  })

  it('when a key was used too often', async () => {
    const app = fakeApp(saysHello, { keys: ['one', 'two'], rate: 2 })
    const ask = async (key: string) => await app.fetch(post(chat, { headers: { authorization: `Bearer ${key}` } }))
    expect((await ask('one')).status).toBe(200)
    expect((await ask('one')).status).toBe(200)
    const third = await ask('one')
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await errorOf(third)).toMatchObject({ status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded' })
    expect((await ask('two')).status).toBe(200)
  })

  it('while too many wait, and not any more when one of them has gone', async () => {
    const app = fakeApp(neverEnds, { places: 1 })
    const controller = new AbortController()
    const first = app.fetch(post(chat, { signal: controller.signal }))
    await vi.waitFor(async () => {
      const busy = await app.fetch(post(chat))
      expect(busy.headers.get('retry-after')).toBe('1')
      expect(await errorOf(busy)).toMatchObject({ status: 503, code: 'server_busy' })
    })
    controller.abort()
    expect((await first).status).toBe(503)
    const streamed = await app.fetch(post({ ...chat, stream: true }))
    expect(streamed.status).toBe(200)
    await streamed.body?.cancel()
    await app.drain()
  })

  it('when its time is over, before the answer and in the middle of it', async () => {
    const app = fakeApp(neverEnds, { timeout: 0.01 })
    const whole = await app.fetch(post(chat))
    expect(whole.headers.get('x-should-retry')).toBe('false')
    expect(await errorOf(whole)).toMatchObject({ status: 503, code: 'timeout' })
    const text = await (await app.fetch(post({ ...chat, stream: true }))).text()
    expect(text).toContain('"word"')
    expect(text).toContain('"code":"timeout"')
    await app.drain()
  })
})

describe('pages', () => {
  it('of allowed origins may ask, and read refusals too', async () => {
    const app = fakeApp(saysHello, { origins: ['https://page.example'], keys: ['one'] })
    const origin = 'https://page.example'
    const asks = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' }
    const may = await app.fetch(new Request(`${base}/v1/chat/completions`, { method: 'OPTIONS', headers: asks }))
    expect(may.status).toBe(204)
    expect(may.headers.get('access-control-allow-origin')).toBe(origin)
    expect(may.headers.get('access-control-allow-headers')).toBe('authorization')
    const refused = await app.fetch(post(chat, { headers: { origin } }))
    expect(refused.status).toBe(401)
    expect(refused.headers.get('access-control-allow-origin')).toBe(origin)
  })

  it('of the server itself may ask, and all others get no leave', async () => {
    const app = fakeApp(saysHello)
    const own = await app.fetch(post(chat, { headers: { origin: base } }))
    expect(own.status).toBe(200)
    expect(own.headers.has('access-control-allow-origin')).toBe(false)
    const asks = { origin: 'https://page.example', 'access-control-request-method': 'POST' }
    const may = await app.fetch(new Request(`${base}/v1/chat/completions`, { method: 'OPTIONS', headers: asks }))
    expect(may.status).toBe(403)
  })

  it.each([
    ['http://localhost:8080', 200],
    ['http://phi.localhost', 200],
    ['http://[::1]:8080', 200],
    ['http://192.168.0.7', 200],
    ['http://named.example', 200],
    ['http://127.0.0.1.evil.example', 403],
    ['http://localhost.evil.example', 403],
  ])('reach the server as %s: %i', async (address, status) => {
    const app = fakeApp(saysHello, { hosts: ['named.example'] })
    expect((await app.fetch(new Request(`${address}/health`))).status).toBe(status)
  })
})

describe('readers', () => {
  it('who do not read keep nothing from being written, and lose the answer in the end', async () => {
    const records: RequestRecord[] = []
    let isWritten = false
    const says: Says = async function* () {
      for (let word = 0; word < 100; word++) yield await Promise.resolve('word ')
      isWritten = true
    }
    const app = fakeApp(says, { patience: 0.01, onRequest: (record) => records.push(record) })
    const response = await app.fetch(post({ ...chat, stream: true }))
    await app.drain()
    expect(isWritten).toBe(true)
    await expect(response.text()).rejects.toThrow('too slow')
    expect(records).toMatchObject([{ path: '/v1/chat/completions', status: 499 }])
  })

  it('who read late get all of it', async () => {
    let isWritten = (): void => {}
    const written = new Promise<void>((resolve) => (isWritten = resolve))
    const says: Says = async function* () {
      for (let word = 0; word < 100; word++) yield await Promise.resolve('word ')
      isWritten()
    }
    const response = await fakeApp(says).fetch(post({ ...chat, stream: true }))
    await written
    expect((await response.text()).match(/"word "/g)).toHaveLength(100)
  })

  it('who leave end the answer', async () => {
    let isEnded = false
    const says: Says = async function* (signal) {
      yield 'word'
      await untilAborted(signal)
      isEnded = true
    }
    const app = fakeApp(says)
    const response = await app.fetch(post({ ...chat, stream: true }))
    const reader = response.body?.getReader()
    await reader?.read()
    await reader?.cancel()
    await app.drain()
    await vi.waitFor(() => expect(isEnded).toBe(true))
  })
})

it('draining lets answers end and begins none', async () => {
  let goOn = (): void => {}
  const gate = new Promise<void>((resolve) => (goOn = resolve))
  const says: Says = async function* () {
    yield 'Hel'
    await gate
    yield 'lo'
  }
  const app = fakeApp(says)
  const response = await app.fetch(post({ ...chat, stream: true }))
  const drained = app.drain()
  const refused = await app.fetch(post(chat))
  expect(refused.headers.get('connection')).toBe('close')
  expect(await errorOf(refused)).toMatchObject({ status: 503, code: 'server_closing' })
  expect((await app.fetch(new Request(`${base}/health`))).status).toBe(503)
  goOn()
  expect(await response.text()).toContain('[DONE]')
  await drained
})

it('models are listed, and figures told', async () => {
  const app = fakeApp(saysHello, { name: 'org/fake' })
  const list = (await (await app.fetch(new Request(`${base}/v1/models`))).json()) as { data: unknown[] }
  expect(list.data).toMatchObject([{ id: 'org/fake', object: 'model', owned_by: 'pocket-phi' }])
  expect((await app.fetch(new Request(`${base}/v1/models/org%2Ffake`))).status).toBe(200)
  await app.fetch(post(chat))
  await (await app.fetch(post({ ...chat, stream: true }))).text()
  await app.fetch(new Request(`${base}/"strange"`))
  const figures = await (await app.fetch(new Request(`${base}/metrics`))).text()
  const lines = [
    '# TYPE phi_requests_total counter',
    'phi_requests_total{path="/v1/models/:name{.+}",status="200"} 1',
    'phi_requests_total{path="/v1/chat/completions",status="200"} 2',
    'phi_requests_total{path="other",status="404"} 1',
    'phi_request_seconds_count 2',
    'phi_first_text_seconds_bucket{le="+Inf"} 1',
    'phi_requests_running 0',
    'phi_prompt_tokens_total 6',
    'phi_cached_tokens_total 2',
    'phi_generated_tokens_total 4',
  ]
  expect(figures.split('\n')).toEqual(expect.arrayContaining(lines))
})

it('a rate limit fills up again as time goes by, and not beyond a minute', () => {
  let now = 0
  const limit = new RateLimit(60, () => now)
  const take = (count: number): void => {
    for (let index = 0; index < count; index++) limit.take(1)
  }
  take(60)
  expect(() => limit.take(1)).toThrow('Try again in 1 s.')
  now = 2000
  take(2)
  expect(() => limit.take(1)).toThrow(/too many requests/)
  now = 600_000
  take(60)
  expect(() => limit.take(1)).toThrow(/too many requests/)
})
