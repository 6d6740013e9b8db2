import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestClock } from '../../base/clock-harness.ts'
import type { FewShot, Option } from '../tasks/types.ts'
import { modelsOfEndpoint } from '../../endpoint/endpoint.ts'
import { logprobOf, ScriptedEndpoint } from './endpoint-harness.ts'
import { EndpointSubject } from './endpoint-subject.ts'

let server: ScriptedEndpoint
let url = ''

beforeEach(async () => {
  clock = new TestClock(0)
  server = new ScriptedEndpoint()
  url = await server.start()
})

afterEach(async () => {
  await server[Symbol.asyncDispose]()
})

const fewShot: FewShot = { preamble: '', shots: ['one two', 'three four', 'five six'] }
const options: readonly Option[] = ['yes', 'no at all', 'größer 😀'].map((text) => ({ context: 'is it so?', text }))
let clock: TestClock
const subject = (key?: string): EndpointSubject => new EndpointSubject({ url, model: 'scripted', key }, clock)
const written = { maxTokens: 9, stop: ['\n', 'Q:'] }

/** What the server says of each word of the options. */
const likelihoods = options.map(({ text }) => text.split(' ').reduce((sum, word) => sum + logprobOf(` ${word}`), 0))

describe('likelihood of options', () => {
  test.each([
    ['with offsets', {}],
    ['without offsets and usage', { offsets: true }],
  ])('is that of their tokens in the echoed text, %s', async (_, lacks) => {
    server.lacks = lacks
    const found = await subject().logLikelihoods(fewShot, options)
    found.logLikelihoods.forEach((value, index) => expect(value).toBeCloseTo(likelihoods[index] ?? 0, 12))
    expect([found.shots, found.cutTokens]).toEqual([3, 0])
    expect(found.prompts).toEqual(['one two\n\nthree four\n\nfive six\n\nis it so?'])
    expect(server.asked.map(({ body }) => body)).toEqual(
      options.map(({ text }) => ({
        model: 'scripted',
        prompt: `one two\n\nthree four\n\nfive six\n\nis it so? ${text}`,
        max_tokens: 1,
        temperature: 0,
        logprobs: 1,
        echo: true,
      })),
    )
  })

  test.each([
    ['no log-probabilities', { logprobs: true }],
    ['no completions', { completions: true }],
  ])('is refused by name of a server with %s', async (_, lacks) => {
    server.lacks = lacks
    await expect(subject().logLikelihoods(fewShot, options)).rejects.toMatchObject({
      code: 'not-supported',
      message: expect.stringContaining(`${url} does not say how likely a text is`),
      remedy: expect.stringContaining('gsm8k'),
    })
  })
})

describe('written answers', () => {
  test('come from completions', async () => {
    const found = await subject().complete(fewShot, 'why?', written)
    const prompt = 'one two\n\nthree four\n\nfive six\n\nwhy?'
    expect(found).toEqual({ shots: 3, cutTokens: 0, prompts: [prompt], answer: ` echo of ${prompt.length} characters` })
    const body = { model: 'scripted', prompt, max_tokens: 9, temperature: 0, stop: ['\n', 'Q:'] }
    expect(server.asked.map(({ route, body: sent }) => [route, sent])).toEqual([['completions', body]])
  })

  test('come from chat where there is nothing else, which is asked for once', async () => {
    server.lacks = { completions: true }
    const asking = subject()
    await asking.complete(fewShot, 'why?', written)
    const { answer } = await asking.complete({ preamble: '', shots: [] }, 'why?', written)
    expect(answer).toBe(' echo of 4 characters')
    expect(server.asked.map(({ route }) => route)).toEqual(['completions', 'chat/completions', 'chat/completions'])
  })
})

describe('replies', () => {
  const turns = [
    { role: 'user' as const, content: 'why?' },
    { role: 'assistant' as const, content: 'so' },
    { role: 'user' as const, content: 'how?' },
  ]

  test('come from chat, drawn with a seed or not at all', async () => {
    server.say = (last) => `${last} indeed`
    const asking = subject()
    const reply = await asking.reply(turns, { maxTokens: 9, temperature: 0.7, seed: 5 })
    await asking.reply(turns.slice(0, 1), { maxTokens: 9, temperature: 0, seed: 5 })
    expect(reply).toEqual({ answer: 'how? indeed', cutTokens: 0 })
    const common = { model: 'scripted', max_tokens: 9 }
    expect(server.asked.map(({ route, body }) => [route, body])).toEqual([
      ['chat/completions', { ...common, temperature: 0.7, seed: 5, messages: turns }],
      ['chat/completions', { ...common, temperature: 0, messages: turns.slice(0, 1) }],
    ])
  })

  test.each([
    ['png', [0x89, 0x50, 0x4e, 0x47]],
    ['gif', [0x47, 0x49, 0x46, 0x38]],
    ['webp', [0x52, 0x49, 0x46, 0x46]],
    ['jpeg', [0xff, 0xd8, 0xff, 0xe0]],
  ])('to a picture in %s carry its bytes', async (type, bytes) => {
    const pictures = [{ name: 'p', read: () => Promise.resolve(Uint8Array.from([...bytes, 7])) }]
    await subject().reply([{ role: 'user', content: 'what?', pictures }], { maxTokens: 1, temperature: 0, seed: 0 })
    const picture = `data:image/${type};base64,${Buffer.from([...bytes, 7]).toString('base64')}`
    expect(server.asked[0]?.body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: picture } },
          { type: 'text', text: 'what?' },
        ],
      },
    ])
  })
})

describe('a prompt that the server has no room for', () => {
  test('loses examples from the end until it has', async () => {
    server.context = 4
    const found = await subject().complete(fewShot, 'why?', written)
    expect([found.shots, found.prompts]).toEqual([1, ['one two\n\nwhy?']])
  })

  test('is refused without any', async () => {
    server.context = 1
    await expect(subject().complete(fewShot, 'why?', written)).rejects.toMatchObject({ code: 'context-full' })
    const reply = subject().reply([{ role: 'user', content: 'why?' }], { maxTokens: 1, temperature: 0, seed: 0 })
    await expect(reply).rejects.toMatchObject({ code: 'context-full' })
  })

  test.each(['the request exceeds the available context size', "This model's maximum context length is 2048 tokens"])(
    'is told by what it says: %s',
    async (message) => {
      server.refusal = message
      await expect(subject().complete(fewShot, 'why?', written)).rejects.toMatchObject({ code: 'context-full' })
    },
  )
})

describe('a server', () => {
  test('is given its key', async () => {
    server.key = 'secret'
    await expect(subject().complete(fewShot, 'why?', written)).rejects.toMatchObject({ code: 'no-access' })
    await subject('secret').complete(fewShot, 'why?', written)
    expect(server.asked.map(({ authorization }) => authorization)).toEqual([undefined, 'Bearer secret'])
  })

  test('tells its models, and which it does not have', async () => {
    server.models = ['a', 'b']
    expect(await modelsOfEndpoint({ url: `${url}/` })).toEqual(['a', 'b'])
    await expect(subject().complete(fewShot, 'why?', written)).rejects.toMatchObject({ code: 'not-found' })
  })

  test.each([
    [503, 6, 'network', 'does not answer now'],
    [429, 6, 'network', 'does not answer now'],
    [418, 1, 'invalid-argument', 'refuses a request'],
  ])('that answers %i, %i times', async (status, times, code, message) => {
    server.failures.push(...Array.from({ length: times }, () => status))
    const answer = subject().complete(fewShot, 'why?', written)
    await expect(answer).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
    expect([server.asked.length, clock.waits.length]).toEqual([times, times - 1])
  })

  test('that is busy for a while is asked again, for whatever it is asked', async () => {
    server.failures.push(503, 429)
    expect((await subject().complete(fewShot, 'why?', written)).answer).toContain('echo of')
    server.failures.push(500)
    await subject().logLikelihoods(fewShot, options)
    server.failures.push(502)
    const { answer } = await subject().reply([{ role: 'user', content: 'why?' }], {
      maxTokens: 1,
      temperature: 0,
      seed: 0,
    })
    expect([answer, clock.waits.length]).toEqual([' echo of 4 characters', 4])
  })

  test('that is not there is named', async () => {
    const gone = new EndpointSubject({ url: 'http://127.0.0.1:9/v1', model: 'scripted' }, clock)
    await expect(gone.complete(fewShot, 'why?', written)).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('http://127.0.0.1:9/v1/completions'),
    })
  })

  test('is not asked on once the signal has fired', async () => {
    const answer = subject().complete(fewShot, 'why?', { ...written, signal: AbortSignal.abort() })
    await expect(answer).rejects.toMatchObject({ code: 'aborted' })
  })
})
