/** Clients of a server, well and badly behaved, and what becomes of what they ask. */
import { setTimeout } from 'node:timers/promises'

/** What is asked: a text is continued for so many tokens. */
export interface Question {
  readonly prompt: string
  readonly tokens: number
}

export interface Answer {
  readonly text: string
  readonly tokens: number
}

interface Chunk {
  readonly choices: readonly { readonly text: string }[]
  readonly usage?: { readonly completion_tokens: number } | null
}

const headers = { 'content-type': 'application/json' }

async function post(url: string, body: string, others: Omit<RequestInit, 'body' | 'method'> = {}): Promise<Response> {
  return await fetch(`${url}/completions`, { method: 'POST', headers, body, ...others })
}

function bodyOf({ prompt, tokens }: Question, streams: boolean): string {
  const stream = streams ? { stream: true, stream_options: { include_usage: true } } : {}
  return JSON.stringify({ prompt, max_tokens: tokens, temperature: 0, ...stream })
}

/** Reads an answer that is sent as events. @param between what is done between two reads */
async function readEvents(response: Response, between?: () => Promise<void>): Promise<Answer> {
  if (response.status !== 200 || response.body === null) throw new Error(`answered with ${response.status}`)
  let [received, text, tokens] = ['', '', 0]
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    received += part
    await between?.()
  }
  const events = received.split('\n\n').filter((event) => event !== '')
  if (events.pop() !== 'data: [DONE]') throw new Error('the stream broke off')
  for (const event of events) {
    const { choices, usage } = JSON.parse(event.slice('data: '.length)) as Chunk
    text += choices[0]?.text ?? ''
    tokens = usage?.completion_tokens ?? tokens
  }
  return { text, tokens }
}

/** Asks, and reads the answer as it comes. */
export async function ask(url: string, question: Question): Promise<Answer> {
  return await readEvents(await post(url, bodyOf(question, true)))
}

/** What a client does. It resolves to what came of it: `as it should` or what happened instead. */
export type Behaviour = (url: string, question: Question, expected: Answer) => Promise<string>

export const right = 'as it should'

const compared = ({ text }: Answer, expected: Answer): string => (text === expected.text ? right : 'another text')

async function refused(status: number, code: string, response: Response): Promise<string> {
  const { error } = (await response.json()) as { readonly error?: { readonly code: string } }
  return response.status === status && error?.code === code ? right : `${response.status} ${error?.code}`
}

/** Milliseconds that a slow reader takes for each piece. */
const slowness = 100

export const behaviours: Readonly<Record<string, Behaviour>> = {
  'reads a stream': async (url, question, expected) => compared(await ask(url, question), expected),
  'waits for the whole': async (url, question, expected) => {
    const response = await post(url, bodyOf(question, false))
    if (response.status !== 200) return String(response.status)
    const { choices } = (await response.json()) as Chunk
    return compared({ text: choices[0]?.text ?? '', tokens: 0 }, expected)
  },
  'reads slowly': async (url, question, expected) =>
    compared(await readEvents(await post(url, bodyOf(question, true)), () => setTimeout(slowness)), expected),
  'leaves a stream': async (url, question) => {
    const controller = new AbortController()
    const response = await post(url, bodyOf(question, true), { signal: controller.signal })
    await response.body?.getReader().read()
    controller.abort()
    return response.status === 200 ? right : String(response.status)
  },
  'leaves before the answer': async (url, question) => {
    const signal = AbortSignal.timeout(20)
    const response = await post(url, bodyOf(question, false), { signal }).catch((error: unknown) => error)
    return response instanceof Error && response.name === 'TimeoutError' ? right : 'answered before it left'
  },
  'sends too much': async (url) => {
    const prompt = 'x'.repeat(5 * 2 ** 20)
    return await refused(413, 'body_too_large', await post(url, bodyOf({ prompt, tokens: 1 }, false)))
  },
  'sends no JSON': async (url) => await refused(400, 'invalid_json', await post(url, '{"prompt":')),
  'sends another type': async (url, question) => {
    const text = { headers: { 'content-type': 'text/plain' } }
    return await refused(415, 'unsupported_media_type', await post(url, bodyOf(question, false), text))
  },
  'asks for what is not there': async (url, question) => {
    const body = JSON.stringify({ prompt: question.prompt, suffix: 'end' })
    return await refused(400, 'unsupported_parameter', await post(url, body))
  },
}
