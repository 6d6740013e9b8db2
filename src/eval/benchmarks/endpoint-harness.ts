/** A server with OpenAI's interface on this machine whose answers follow from the texts, and which lacks what a test says. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

interface Part {
  readonly text?: string
}

interface Body {
  readonly model?: string
  readonly prompt?: string
  readonly messages?: readonly { readonly content: string | readonly Part[] }[]
  readonly max_tokens?: number
  readonly stop?: readonly string[]
  readonly echo?: boolean
}

export interface Asked {
  readonly route: string
  readonly body: Body
  readonly authorization: string | undefined
}

export interface Lacks {
  /** Has no `completions`. */
  readonly completions?: boolean
  /** Leaves log-probabilities out. */
  readonly logprobs?: boolean
  /** Leaves offsets and usage out, as some servers do. */
  readonly offsets?: boolean
}

/** Words with the space before them, after a token that is no text. */
export function tokensOf(prompt: string): string[] {
  return ['<s>', ...(prompt.match(/\s*\S+|\s+$/gu) ?? [])]
}

/** Of one token: the longer, the less likely. */
export function logprobOf(token: string): number {
  return -token.length / 8
}

/** What a message says beside its pictures. */
function wordsOf(message: NonNullable<Body['messages']>[number] | undefined): string {
  const content = message?.content ?? ''
  return typeof content === 'string' ? content : content.map(({ text: words = '' }) => words).join('')
}

export class ScriptedEndpoint implements AsyncDisposable {
  readonly asked: Asked[] = []
  lacks: Lacks = {}
  /** Only who has it may ask. */
  key: string | undefined
  /** Tokens that a prompt may have. */
  context = Infinity
  models: readonly string[] = ['scripted']
  /** Status of the next answers, before any else is looked at. */
  readonly failures: number[] = []
  /** The words with which all is refused. */
  refusal: string | undefined
  /** What is answered, where that does not follow from its length. */
  say: ((last: string) => string) | undefined
  /** Why answers of `chat/completions` end. */
  finish = 'stop'
  readonly #server: Server

  constructor() {
    this.#server = createServer((request, response) => {
      const reply = (status: number, value: unknown): void => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
      }
      void text(request).then((data) => {
        const body = (data === '' ? {} : JSON.parse(data)) as Body
        const route = (request.url ?? '').replace('/v1/', '')
        this.asked.push({ route, body, authorization: request.headers.authorization })
        reply(...this.#answer(route, body, request.headers.authorization))
        return undefined
      })
    })
  }

  async start(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }

  #answer(route: string, body: Body, authorization: string | undefined): [status: number, value: unknown] {
    const refusal = (message: string, code: string | null = null): unknown => ({ error: { message, code } })
    const failure = this.failures.shift()
    if (failure !== undefined) return [failure, refusal('busy')]
    if (this.refusal !== undefined) return [400, refusal(this.refusal)]
    if (this.key !== undefined && authorization !== `Bearer ${this.key}`) return [401, refusal('who are you?')]
    if (route === 'models') return [200, { data: this.models.map((id) => ({ id })) }]
    if (body.model !== undefined && !this.models.includes(body.model)) {
      return [404, refusal('no such model', 'model_not_found')]
    }
    const prompt = body.prompt ?? wordsOf(body.messages?.[0])
    if (tokensOf(prompt).length > this.context) return [400, refusal('too long', 'context_length_exceeded')]
    const answer = this.say?.(body.prompt ?? wordsOf(body.messages?.at(-1))) ?? ` echo of ${prompt.length} characters`
    if (route === 'chat/completions')
      return [200, { choices: [{ message: { content: answer }, finish_reason: this.finish }] }]
    if (route !== 'completions' || this.lacks.completions === true) return [404, refusal('not found')]
    return [200, body.echo === true ? this.#echo(prompt) : { choices: [{ text: answer }] }]
  }

  #echo(prompt: string): unknown {
    if (this.lacks.logprobs === true) return { choices: [{ text: prompt, logprobs: null }] }
    const tokens = [...tokensOf(prompt), ' more']
    let offset = 0
    const offsets = tokens.map((token) => {
      offset += [...token].length
      return offset - [...token].length
    })
    const logprobs = {
      tokens,
      token_logprobs: tokens.map((token, place) => (place === 0 ? null : logprobOf(token))),
    }
    if (this.lacks.offsets === true) return { choices: [{ logprobs }] }
    return {
      choices: [{ logprobs: { ...logprobs, text_offset: offsets } }],
      usage: { prompt_tokens: tokens.length - 1 },
    }
  }
}
