/** Log-probabilities, biases and the older completions, over phi-nano. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GenerationResult } from '../engine/generate.ts'
import { loadModel } from '../engine/load-model.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import { continueTexts } from './answers.ts'
import type { RequestError } from './errors.ts'
import { createClient } from './index.ts'
import { spellLogProbs, textLogProbs } from './logprobs.ts'
import type { CompletionEvent } from './response.ts'
import { readTextRequest } from './text-request.ts'
import { TextChunkWriter, textCompletionOf } from './text-response.ts'

const messages = [{ role: 'user', content: 'What is a dog?' }] as const
let model: PhiModel

beforeAll(async () => {
  model = await loadModel('phi-nano', { threads: 1, context: 256 })
})

afterAll(() => model.dispose())

async function eventsOf(request: object): Promise<CompletionEvent[]> {
  const events: CompletionEvent[] = []
  const task = readTextRequest(request)
  for await (const event of continueTexts(model, task, new AbortController().signal)) events.push(event)
  return events
}

function refusedParam(request: object): string {
  try {
    readTextRequest(request)
  } catch (error) {
    return (error as RequestError).param
  }
  throw new Error('the request was not refused')
}

describe('log-probabilities', () => {
  it('are those of the engine, with tokens that spell the text, whole and in chunks', async () => {
    const { completions } = createClient(model).chat
    const request = { messages, max_tokens: 6, logprobs: true, top_logprobs: 2 } as const
    const answer = model.chat().send('What is a dog?', { maxTokens: 6, logprobs: 2 })
    const { logprobs: expected = [] } = await answer.result()
    const [choice] = (await completions.create(request)).choices
    const content = choice?.logprobs?.content ?? []
    expect(content).toHaveLength(expected.length)
    // The prompt was in the cache the second time, and its last row ran in another batch.
    content.forEach(({ logprob }, at) => expect(logprob).toBeCloseTo(expected[at]?.logprob ?? NaN, 4))
    expect(
      content
        .map(({ token }) => token)
        .join('')
        .trimStart(),
    ).toBe(choice?.message.content)
    for (const { token, bytes, logprob, top_logprobs: top } of content) {
      expect(new TextDecoder().decode(Uint8Array.from(bytes ?? []))).toBe(token)
      expect(top).toHaveLength(2)
      // The likeliest token is the one that was taken.
      expect(top[0]).toEqual({ token, bytes, logprob })
    }
    const streamed = []
    for await (const chunk of await completions.create({ ...request, stream: true })) {
      streamed.push(...(chunk.choices[0]?.logprobs?.content ?? []))
    }
    expect(streamed).toEqual(content)
  })

  it('name half a character by its bytes, and an id without a piece by nothing', () => {
    const bytes: Readonly<Record<number, readonly number[]>> = { 1: [0xe2, 0x82], 2: [0xac] }
    const tokenizer = {
      pieceOf: (id: number) => (id in bytes ? 'piece' : undefined),
      tokenBytes: (id: number) => Uint8Array.from(bytes[id] ?? []),
    }
    const entries = [{ id: 1, logprob: -1, top: [{ id: 9, logprob: -2 }] }]
    expect(spellLogProbs(entries, tokenizer)).toEqual([
      { token: '\ufffd', logprob: -1, bytes: [0xe2, 0x82], top_logprobs: [{ token: '', logprob: -2, bytes: null }] },
    ])
  })

  it('have offsets in the older form', () => {
    const entry = (token: string, logprob: number) => ({ token, logprob, bytes: null, top_logprobs: [] })
    expect(textLogProbs([entry(' a', -1), entry('bc', -2)], 5)).toEqual({
      tokens: [' a', 'bc'],
      token_logprobs: [-1, -2],
      top_logprobs: [{}, {}],
      text_offset: [5, 7],
    })
  })

  it('are refused of a model that cannot name its tokens', async () => {
    const nameless = { picture: model.picture.bind(model), embed: model.embed.bind(model), chat: () => model.chat() }
    const { completions } = createClient(nameless).chat
    await expect(completions.create({ messages, logprobs: true })).rejects.toMatchObject({
      status: 400,
      param: 'logprobs',
    })
  })
})

it('a bias changes what is said', async () => {
  const { completions } = createClient(model).chat
  const first = model.chat().send('What is a dog?', { maxTokens: 1 })
  const [id = -1] = (await first.result()).ids
  const whole = await completions.create({ messages, max_tokens: 1, logprobs: true, logit_bias: { [id]: -100 } })
  expect(whole.choices[0]?.logprobs?.content[0]?.bytes).not.toEqual([...model.tokenizer.tokenBytes(id)])
  const unknown = completions.create({ messages, logit_bias: { [model.engine.vocabulary]: 1 } })
  await expect(unknown).rejects.toMatchObject({ status: 400, message: expect.stringContaining('logitBias') })
})

describe('a request to continue texts', () => {
  it('takes texts and token ids, one or several, and 16 tokens unless it says else', () => {
    expect(readTextRequest({ prompt: 'a' })).toMatchObject({ prompts: ['a'], options: { maxTokens: 16 }, choices: 1 })
    expect(readTextRequest({ prompt: [1, 2], max_tokens: 3 })).toMatchObject({
      prompts: [[1, 2]],
      options: { maxTokens: 3 },
    })
    expect(readTextRequest({ prompt: ['a', 'b'] }).prompts).toEqual(['a', 'b'])
    expect(readTextRequest({ prompt: [[1], [2, 3]], logprobs: 0 })).toMatchObject({
      prompts: [[1], [2, 3]],
      options: { logprobs: 0 },
    })
  })

  it.each<[string, object]>([
    ['prompt', {}],
    ['prompt', { prompt: [] }],
    ['prompt', { prompt: ['a', 1] }],
    ['prompt', { prompt: [[1], []] }],
    ['prompt', { prompt: [-1] }],
    ['n', { prompt: 'a', n: 129 }],
    ['max_tokens', { prompt: 'a', max_tokens: 0 }],
    ['logprobs', { prompt: 'a', logprobs: true }],
    ['echo', { prompt: 'a', echo: true }],
    ['suffix', { prompt: 'a', suffix: 'b' }],
    ['messages', { prompt: 'a', messages }],
  ])('is refused where %s cannot be used: %j', (param, request) => {
    expect(refusedParam(request)).toBe(param)
  })

  it('is answered prompt by prompt, as the model continues each', async () => {
    const prompts = ['A dog is', 'The colour of a lemon is']
    const events = await eventsOf({ prompt: prompts, n: 2, max_tokens: 4, logprobs: 1 })
    const answers = events.filter((event) => event.kind === 'end')
    const whole = textCompletionOf({ id: 'cmpl-1', created: 5, model: 'phi' }, answers, 2)
    const expected: GenerationResult[] = []
    for (const prompt of prompts) expected.push(await model.generate(prompt, { maxTokens: 4 }).result())
    expect(whole.choices.map(({ text }) => text)).toEqual([0, 0, 1, 1].map((at) => expected[at]?.text))
    expect(whole.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3])
    const promptTokens = expected.reduce((sum, { usage }) => sum + usage.promptTokens, 0)
    expect(whole.usage).toMatchObject({ prompt_tokens: promptTokens, completion_tokens: 16 })
    expect(whole.choices[0]?.logprobs?.tokens.join('')).toBe(whole.choices[0]?.text)

    const writer = new TextChunkWriter({ id: 'cmpl-1', created: 5, model: 'phi' }, true, 2)
    const chunks = [...events.flatMap((event) => writer.chunks(event)), ...writer.end()]
    const third = chunks.flatMap(({ choices }) => choices).filter(({ index }) => index === 2)
    expect(third.map(({ text }) => text).join('')).toBe(expected[1]?.text)
    expect(third.flatMap(({ logprobs }) => logprobs?.text_offset ?? [])).toEqual(
      whole.choices[2]?.logprobs?.text_offset,
    )
    expect(third.at(-1)?.finish_reason).toBe('length')
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage })
  })
})
