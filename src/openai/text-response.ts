/** Answers and chunks of OpenAI's older completions. */
import { textLogProbs } from './logprobs.ts'
import { finishReason, usageOf, type CompletionEvent, type CompletionIdentity, type EndedAnswer } from './response.ts'
import type { TextChoice, TextCompletion, TokenLogProb } from './types.ts'

/** Makes the chunks of one stream. */
export class TextChunkWriter {
  readonly #identity: CompletionIdentity
  readonly #includeUsage: boolean
  readonly #choices: number
  readonly #answers: EndedAnswer[] = []
  /** Where the next token of each choice begins. */
  readonly #offsets = new Map<number, number>()

  /** @param choices how many answers each prompt has */
  constructor(identity: CompletionIdentity, includeUsage: boolean, choices: number) {
    this.#identity = identity
    this.#includeUsage = includeUsage
    this.#choices = choices
  }

  /** The chunks of an event; the last one of a choice tells why it ended. */
  chunks(event: CompletionEvent): TextCompletion[] {
    const { index } = event
    if (event.kind === 'text') {
      const { text, logprobs } = event
      return [this.#chunk({ index, text, logprobs: this.#placed(index, logprobs), finish_reason: null })]
    }
    this.#answers.push(event)
    return [this.#chunk({ index, text: '', logprobs: null, finish_reason: finishReason(event.result.finish) })]
  }

  /** What follows the last choice. */
  end(): TextCompletion[] {
    if (!this.#includeUsage) return []
    return [{ ...envelopeOf(this.#identity), choices: [], usage: usageOf(this.#answers, this.#choices) }]
  }

  #placed(index: number, logprobs: readonly TokenLogProb[] | undefined): TextChoice['logprobs'] {
    if (logprobs === undefined) return null
    const offset = this.#offsets.get(index) ?? 0
    this.#offsets.set(index, offset + logprobs.reduce((length, { token }) => length + token.length, 0))
    return textLogProbs(logprobs, offset)
  }

  #chunk(choice: TextChoice): TextCompletion {
    return { ...envelopeOf(this.#identity), choices: [choice], ...(this.#includeUsage ? { usage: null } : {}) }
  }
}

/**
 * The answer to a request that does not stream.
 *
 * @param answers one for each choice of each prompt
 * @param choices how many each prompt has
 */
export function textCompletionOf(
  identity: CompletionIdentity,
  answers: readonly EndedAnswer[],
  choices: number,
): TextCompletion {
  const told = answers.map(({ result, logprobs }, index) => ({
    index,
    text: result.text,
    logprobs: logprobs === undefined ? null : textLogProbs(logprobs, 0),
    finish_reason: finishReason(result.finish),
  }))
  return { ...envelopeOf(identity), choices: told, usage: usageOf(answers, choices) }
}

function envelopeOf({ id, created, model }: CompletionIdentity) {
  return { id, object: 'text_completion', created, model } as const
}
