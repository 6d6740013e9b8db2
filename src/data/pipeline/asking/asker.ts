/** Asks a model until its answers can be taken, and keeps and counts them all. */
import { systemClock, type Clock } from '../../../base/clock.ts'
import { PocketPhiError } from '../../../base/errors.ts'
import { ChatModel, type Message } from '../../../endpoint/chat.ts'
import type { Endpoint } from '../../../endpoint/endpoint.ts'
import type { Rejected } from './answer.ts'
import type { Journal, Tally } from './journal.ts'

/** What a model is asked. */
export interface Question<Value> {
  /** Under which answers are kept: the same for all that decides them. */
  readonly key: string
  readonly messages: readonly Message[]
  /** Of an answer. */
  readonly maxTokens: number
  readonly temperature: number
  /** What servers that can do it hold answers to, as a JSON schema. */
  readonly schema: object
  /** Of what is drawn, for servers that take one. */
  readonly seed: number
  /** What is taken from an answer. */
  readonly read: (answer: string) => Value | Rejected
}

export interface AskingOptions {
  /** Answers that a question may need. */
  readonly attempts: number
  readonly timeoutSeconds: number
  readonly prices?: Prices | undefined
  readonly clock?: Clock | undefined
}

/** Of a million tokens. */
export interface Prices {
  readonly prompt: number
  readonly answer: number
}

/** The answers of all runs, and of this one: */
export interface AskingCounts extends Tally {
  /** Pauses that the server asked for, or that followed a failure. */
  readonly waits: number
  /** In the currency of the prices, where they are given. */
  readonly cost?: number
}

/** Where an answer was of no use, a likelier one will not be. */
const leastTemperatureAgain = 0.5

/** So many questions without an answer, one after the other, are not the fault of questions. */
const mostFailuresInARow = 20

export class Asker<Value extends object> {
  readonly #endpoint: Endpoint
  readonly #journal: Journal<Value>
  readonly #options: AskingOptions
  readonly #model: ChatModel
  #waits = 0
  /** What was wrong with the last answers to questions that got none to be taken, since one did. */
  #failures: Rejected[] = []

  /** @param journal stays open */
  constructor(endpoint: Endpoint, journal: Journal<Value>, options: AskingOptions) {
    this.#endpoint = endpoint
    this.#journal = journal
    this.#options = options
    const { clock = systemClock, timeoutSeconds } = options
    this.#model = new ChatModel(endpoint, { clock, timeoutSeconds, onWait: () => void this.#waits++ })
  }

  /**
   * Asks for one answer more than there are, or as many times as is allowed.
   *
   * @returns what was wrong with the last answer, where none was taken
   * @throws PocketPhiError `no-access`, `not-found` and `not-supported` of the server; `network` and `invalid-file` where one question after the
   * other gets no answer, or none that can be used; `aborted`
   */
  async ask(question: Question<Value>, signal: AbortSignal): Promise<Rejected | undefined> {
    const last = this.#failures.at(-1)
    if (last !== undefined && this.#failures.length >= mostFailuresInARow) throw this.#ofNoUse(last)
    const rejected = await this.#tryToAsk(question, signal)
    if (rejected === undefined) this.#failures = []
    else this.#failures.push(rejected)
    return rejected
  }

  counts(): AskingCounts {
    const { prices } = this.#options
    const tally = this.#journal.tally()
    const { promptTokens: prompt, answerTokens: answer } = tally
    const cost = prices === undefined ? {} : { cost: (prompt * prices.prompt + answer * prices.answer) / 1e6 }
    return { ...tally, waits: this.#waits, ...cost }
  }

  async #tryToAsk(question: Question<Value>, signal: AbortSignal): Promise<Rejected | undefined> {
    const { key, read } = question
    const had = this.#journal.taken(key).length
    let earlier: Rejected | undefined
    for (let attempt = 0; attempt < this.#options.attempts; attempt++) {
      const outcome = await this.#model.ask(
        requestOf(question, had * this.#options.attempts + attempt, earlier),
        signal,
      )
      const { usage } = outcome
      const said = 'text' in outcome ? read(outcome.text) : { rejected: outcome.failure, detail: outcome.detail }
      if (!('rejected' in said)) {
        await this.#journal.add({ key, ...said, usage })
        return undefined
      }
      earlier = said
      await this.#journal.add({ key, rejected: said.rejected, detail: said.detail.slice(0, 400), usage })
      if ('failure' in outcome && outcome.final) break
    }
    return earlier
  }

  #ofNoUse({ rejected, detail }: Rejected): PocketPhiError {
    const { url, model } = this.#endpoint
    return new PocketPhiError(
      rejected === 'not served' ? 'network' : 'invalid-file',
      `${model} at ${url} gave no usable answer to ${mostFailuresInARow} questions one after the other.`,
      {
        found: `at last: ${rejected}: ${detail.slice(0, 300)}`,
        remedy: 'Choose another model, or try again later: what was taken is kept, and the same command goes on.',
      },
    )
  }
}

function requestOf<Value>(question: Question<Value>, draw: number, earlier: Rejected | undefined) {
  const { messages, maxTokens, temperature, schema, seed } = question
  return {
    messages: earlier === undefined ? messages : [...messages, correctionOf(earlier)],
    maxTokens,
    temperature: earlier === undefined ? temperature : Math.max(temperature, leastTemperatureAgain),
    wishes: {
      seed: (seed + draw) % 2 ** 31,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
    },
  }
}

/** What is said before another attempt, since a model that is asked the same may answer the same. */
function correctionOf({ rejected, detail }: Rejected): Message {
  const content = `An answer to this was not used: it is ${rejected} (${detail.slice(0, 200)}). Answer again, with one JSON object in the form that was asked for.`
  return { role: 'user', content }
}
