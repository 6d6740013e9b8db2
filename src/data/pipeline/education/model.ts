/** A language model behind a server as the judge of documents. */
import { z } from 'zod'
import { wait, type Clock } from '../../../base/clock.ts'
import { PocketPhiError, present, throwIfAborted } from '../../../base/errors.ts'
import { PassingError, withRetries } from '../../../base/retry.ts'
import { tryEndpoint, type Endpoint } from '../../../endpoint/endpoint.ts'
import type { Annotation } from './annotation.ts'
import type { Usage } from './journal.ts'
import { correctionOf, promptOf, readAnswer, type Rejected } from './prompt.ts'

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

/** Room for two sentences and the numbers, several times over. */
const mostAnswerTokens = 600

/** Where the likeliest answer was of no use, or is there already. */
const otherTemperature = 0.5

export interface ModelOptions {
  readonly clock: Clock
  /** How long an answer may take. */
  readonly timeoutSeconds: number
  /** Hears of every pause that the server asked for or that follows a failure. */
  readonly onWait: (seconds: number) => void
}

/** What came of one attempt. */
export interface Attempt {
  readonly said: Annotation | Rejected
  readonly usage?: Usage | undefined
  /** Whether another attempt may go better. */
  readonly final: boolean
}

/** Asks for annotations. When the server asks one request to wait, the others wait as well. */
export class AnnotationModel {
  readonly #endpoint: Endpoint
  readonly #options: ModelOptions
  /** Before this time of the clock nothing is sent. */
  #resumeAt = -Infinity

  constructor(endpoint: Endpoint, options: ModelOptions) {
    this.#endpoint = endpoint
    this.#options = options
  }

  /**
   * @param earlier why the last answer to this was not taken
   * @param likeliest whether the likeliest answer is wanted, and not another opinion
   * @throws PocketPhiError `no-access`, `not-found`, `not-supported` for servers that no document changes; `aborted`
   */
  async ask(excerpt: string, earlier: Rejected | undefined, likeliest: boolean, signal: AbortSignal): Promise<Attempt> {
    const { clock, onWait } = this.#options
    const corrections = earlier === undefined ? [] : [correctionOf(earlier)]
    const body = {
      model: this.#endpoint.model,
      messages: [...promptOf(excerpt), ...corrections],
      max_tokens: mostAnswerTokens,
      temperature: likeliest && earlier === undefined ? 0 : otherTemperature,
    }
    try {
      const completion = await withRetries({ clock, signal, onWait }, () => this.#send(body, signal))
      if (completion === undefined) return { said: this.#late(), final: false }
      return { said: judged(completion, excerpt), usage: usageOf(completion), final: false }
    } catch (error) {
      return failureOf(error)
    }
  }

  /** @returns undefined where the answer did not come in time */
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

  #late(): Rejected {
    return { rejected: 'timed out', detail: `no answer within ${this.#options.timeoutSeconds} s` }
  }
}

function judged({ choices }: Completion, excerpt: string): Annotation | Rejected {
  const { message, finish_reason: reason } = present(choices[0], 'choice')
  const answer = message.content ?? ''
  if (typeof message.refusal === 'string' && message.refusal !== '')
    return { rejected: 'refused', detail: message.refusal }
  if (reason === 'content_filter') return { rejected: 'refused', detail: 'by the filter of the server' }
  if (reason === 'length') return { rejected: 'cut off', detail: answer }
  return readAnswer(answer, excerpt)
}

function usageOf({ usage }: Completion): Usage | undefined {
  return usage == null ? undefined : { prompt: usage.prompt_tokens, answer: usage.completion_tokens }
}

/** Failures that are those of a document; all others are thrown. */
function failureOf(error: unknown): Attempt {
  if (!(error instanceof PocketPhiError)) throw error
  switch (error.code) {
    case 'network':
      return { said: { rejected: 'not served', detail: error.message }, final: true }
    case 'invalid-file':
      return { said: { rejected: 'not readable', detail: error.message }, final: false }
    case 'invalid-argument':
    case 'context-full':
      return { said: { rejected: 'refused', detail: error.message }, final: true }
    default:
      throw error
  }
}
