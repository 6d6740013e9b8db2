/** Questions to a chat model behind a server: each until it is answered or cannot be, with what it took. */
import { z } from 'zod'
import { wait, type Clock } from '../base/clock.ts'
import { PocketPhiError, present, throwIfAborted } from '../base/errors.ts'
import { PassingError, withRetries } from '../base/retry.ts'
import { tryEndpoint, type Endpoint } from './endpoint.ts'

export interface Message {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

export interface ChatRequest {
  readonly messages: readonly Message[]
  readonly maxTokens: number
  readonly temperature: number
  /**
   * Parameters that not every server knows, such as `response_format`: where a request is refused with them and answered without, none is sent any
   * more.
   */
  readonly wishes?: object
}

/** Tokens as the server counts them. */
export interface Usage {
  readonly prompt: number
  readonly answer: number
}

/** Why there is no answer; the same few words for all of a kind. */
export type ChatFailure = 'refused' | 'cut off' | 'not readable' | 'timed out' | 'not served'

/** What came of a request. */
export type ChatOutcome = {
  /** Missing where the server does not say, or did not answer in time. */
  readonly usage?: Usage | undefined
} & (
  | { readonly text: string }
  | {
      readonly failure: ChatFailure
      readonly detail: string
      /** Whether asking again would be in vain. */
      readonly final: boolean
    }
)

export interface ChatOptions {
  readonly clock: Clock
  /** How long an answer may take. */
  readonly timeoutSeconds: number
  /** Hears of every pause that the server asked for or that follows a failure. */
  readonly onWait: (seconds: number) => void
}

const completionSchema = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
        finish_reason: z.string().nullish(),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: z.number().min(0), completion_tokens: z.number().min(0) }).nullish(),
})
type Completion = z.infer<typeof completionSchema>

/** Asks one model. When the server asks one request to wait, the others wait as well. */
export class ChatModel {
  readonly #endpoint: Endpoint
  readonly #options: ChatOptions
  /** Before this time of the clock nothing is sent. */
  #resumeAt = -Infinity
  #sendsWishes = true

  constructor(endpoint: Endpoint, options: ChatOptions) {
    this.#endpoint = endpoint
    this.#options = options
  }

  /** @throws PocketPhiError `no-access`, `not-found`, `not-supported` for servers that no other request changes; `aborted` */
  async ask(request: ChatRequest, signal: AbortSignal): Promise<ChatOutcome> {
    try {
      const completion = await this.#completionOf(request, signal)
      if (completion === undefined) return this.#late()
      return { ...said(completion), usage: usageOf(completion) }
    } catch (error) {
      return failureOf(error)
    }
  }

  /** @returns undefined where the answer did not come in time */
  async #completionOf(request: ChatRequest, signal: AbortSignal): Promise<Completion | undefined> {
    const { messages, maxTokens, temperature, wishes } = request
    const plain = { model: this.#endpoint.model, messages, max_tokens: maxTokens, temperature }
    if (wishes === undefined || !this.#sendsWishes) return await this.#insist(plain, signal)
    try {
      return await this.#insist({ ...plain, ...wishes }, signal)
    } catch (error) {
      if (!(error instanceof PocketPhiError) || error.code !== 'invalid-argument') throw error
      const completion = await this.#insist(plain, signal)
      this.#sendsWishes = false
      return completion
    }
  }

  async #insist(body: object, signal: AbortSignal): Promise<Completion | undefined> {
    const { clock, onWait } = this.#options
    return await withRetries({ clock, signal, onWait }, () => this.#send(body, signal))
  }

  async #send(body: object, signal: AbortSignal): Promise<Completion | undefined> {
    const { clock, timeoutSeconds } = this.#options
    while (clock.now() < this.#resumeAt) await wait(clock, this.#resumeAt - clock.now(), signal)
    const late = new AbortController()
    const cancel = clock.after(timeoutSeconds * 1000, () => late.abort())
    try {
      const either = AbortSignal.any([signal, late.signal])
      return await tryEndpoint(this.#endpoint, 'chat/completions', body, completionSchema, { signal: either, clock })
    } catch (error) {
      throwIfAborted(signal)
      if (late.signal.aborted) return undefined
      const pause = error instanceof PassingError ? error.hints.wait : undefined
      if (pause !== undefined) this.#resumeAt = Math.max(this.#resumeAt, clock.now() + pause)
      throw error
    } finally {
      cancel()
    }
  }

  #late(): ChatOutcome {
    return { failure: 'timed out', detail: `no answer within ${this.#options.timeoutSeconds} s`, final: false }
  }
}

function said({ choices }: Completion): ChatOutcome {
  const { message, finish_reason: reason } = present(choices[0], 'choice')
  const text = message.content ?? ''
  if (typeof message.refusal === 'string' && message.refusal !== '')
    return { failure: 'refused', detail: message.refusal, final: false }
  if (reason === 'content_filter') return { failure: 'refused', detail: 'by the filter of the server', final: false }
  if (reason === 'length') return { failure: 'cut off', detail: text, final: false }
  return { text }
}

function usageOf({ usage }: Completion): Usage | undefined {
  return usage == null ? undefined : { prompt: usage.prompt_tokens, answer: usage.completion_tokens }
}

/** Failures that are those of a request; all others are thrown. */
function failureOf(error: unknown): ChatOutcome {
  if (!(error instanceof PocketPhiError)) throw error
  switch (error.code) {
    case 'network':
      return { failure: 'not served', detail: error.message, final: true }
    case 'invalid-file':
      return { failure: 'not readable', detail: error.message, final: false }
    case 'invalid-argument':
    case 'context-full':
      return { failure: 'refused', detail: error.message, final: true }
    default:
      throw error
  }
}
