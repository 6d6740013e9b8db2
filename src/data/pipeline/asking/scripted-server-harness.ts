/** A server with OpenAI's interface whose answers a test writes. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Endpoint } from '../../../endpoint/endpoint.ts'

export interface AskedBody {
  readonly messages: readonly { readonly role: string; readonly content: string }[]
  readonly temperature: number
  readonly seed?: number
  readonly response_format?: object
}

/** What is sent back: an answer of the model, what is none, or nothing at all. */
export type Reply =
  | { readonly content: string; readonly finish?: string; readonly refusal?: string }
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly page: string }
  | 'hold'

export abstract class ScriptedServer implements AsyncDisposable {
  readonly bodies: AskedBody[] = []
  /** What those who asked showed of themselves. */
  readonly authorizations = new Set<string | undefined>()
  /** Tokens of all answers that were sent. */
  readonly tokens = { prompt: 0, answer: 0 }
  requests = 0
  /** Answers with this status alone. */
  status: number | undefined
  /** Refuses requests that wish for more than every server has. */
  isPlain = false
  /** Hears of each request before it is answered. */
  onRequest: (count: number) => void = () => {}
  /** Hears of a request that gets no answer. */
  onHold: () => void = () => {}
  readonly #server: Server

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  protected abstract reply(body: AskedBody): Reply

  async start(): Promise<Endpoint> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
    return { url: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`, model: 'judge' }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await text(request)) as AskedBody
    this.bodies.push(body)
    this.authorizations.add(request.headers.authorization)
    this.onRequest(++this.requests)
    const refused = this.status ?? (this.isPlain && body.response_format !== undefined ? 400 : undefined)
    this.#send(response, body, refused === undefined ? this.reply(body) : { status: refused })
  }

  #send(response: ServerResponse, { messages }: AskedBody, reply: Reply): void {
    if (reply === 'hold') return this.onHold()
    if ('page' in reply) return void response.writeHead(200).end(reply.page)
    if ('status' in reply) {
      const { status, headers = {} } = reply
      return void response.writeHead(status, headers).end(JSON.stringify({ error: { message: 'not now' } }))
    }
    const { content, finish = 'stop', refusal } = reply
    const prompt = messages.reduce((sum, message) => sum + message.content.length, 100)
    const usage = { prompt_tokens: prompt, completion_tokens: 1 + content.length }
    this.tokens.prompt += usage.prompt_tokens
    this.tokens.answer += usage.completion_tokens
    const choice = { message: { content, ...(refusal !== undefined && { refusal }) }, finish_reason: finish }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ choices: [choice], usage }))
  }
}
