/** A judge of answers: a chat model behind a server, asked until what it says has a rating. */
import { systemClock, type Clock } from '../../base/clock.ts'
import { PocketPhiError } from '../../base/errors.ts'
import { ChatModel, type Message } from '../../endpoint/chat.ts'
import type { Endpoint } from '../../endpoint/endpoint.ts'

/** What a judge said of one answer. */
export interface Judgement {
  /** The model and its server. */
  readonly judge: string
  /** What it was told. */
  readonly messages: readonly Message[]
  /** What came back, attempt by attempt; the rating is that of the last. */
  readonly said: readonly string[]
  /** A share of a full score; missing where no attempt had a rating. */
  readonly rating?: number
}

/** A judgement without a rating is asked for again, so many times in all. */
const attempts = 3

/** Tokens of a judgement at most. */
const maxTokens = 2048

const timeoutSeconds = 300

export class Judge {
  readonly name: string
  readonly #model: ChatModel

  constructor(endpoint: Endpoint, clock: Clock = systemClock) {
    this.name = `${endpoint.model}@${endpoint.url}`
    this.#model = new ChatModel(endpoint, { clock, timeoutSeconds, onWait: () => {} })
  }

  /**
   * @param read takes the rating out of what was said
   * @throws PocketPhiError `network` where the server does not answer, `no-access`, `not-found`, `not-supported`, `aborted`
   */
  async rate(
    messages: readonly Message[],
    read: (said: string) => number | undefined,
    signal: AbortSignal,
  ): Promise<Judgement> {
    const said: string[] = []
    let again: readonly Message[] = messages
    while (said.length < attempts) {
      const outcome = await this.#model.ask({ messages: again, maxTokens, temperature: 0 }, signal)
      if ('failure' in outcome && outcome.failure === 'not served') throw this.#silent(outcome.detail)
      const text = 'text' in outcome ? outcome.text : `(${outcome.failure}) ${outcome.detail}`
      said.push(text)
      const rating = 'text' in outcome ? read(text) : undefined
      if (rating !== undefined) return { judge: this.name, messages, said, rating }
      if ('failure' in outcome && outcome.final) break
      // Asked the same, it may say the same.
      again = [...messages, { role: 'assistant', content: text }, reminder]
    }
    return { judge: this.name, messages, said }
  }

  #silent(found: string): PocketPhiError {
    return new PocketPhiError('network', `The judge ${this.name} does not answer.`, {
      found,
      remedy: 'The same command goes on from the answers and judgements so far.',
    })
  }
}

const reminder: Message = {
  role: 'user',
  content:
    'There is no rating in this in the form that was asked for. Judge again, and end with the rating in that form.',
}
