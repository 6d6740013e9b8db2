/** From what the engine says to answers and chunks. Pure: a server sends them as the client hands them out. */
import type { FinishReason, GenerationResult } from '../engine/generate.ts'
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChunkChoice,
  CompletionFinishReason,
  CompletionUsage,
} from './types.ts'

/** What an answer and all chunks of a stream have in common. */
export interface CompletionIdentity {
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
  readonly model: string
}

/** An identity of its own. */
export function newIdentity(model: string): CompletionIdentity {
  return {
    id: `chatcmpl-${crypto.randomUUID().replaceAll('-', '')}`,
    created: Math.floor(Date.now() / 1000),
    model,
  }
}

/** What is heard of the answers to a request, in order. */
export type CompletionEvent =
  | { readonly kind: 'text'; readonly index: number; readonly text: string }
  | { readonly kind: 'end'; readonly index: number; readonly result: GenerationResult }

/** Makes the chunks of one stream. */
export class ChunkWriter {
  readonly #identity: CompletionIdentity
  readonly #includeUsage: boolean
  readonly #begun = new Set<number>()
  readonly #results: GenerationResult[] = []

  constructor(identity: CompletionIdentity, includeUsage: boolean) {
    this.#identity = identity
    this.#includeUsage = includeUsage
  }

  /** The chunks of an event: the first one of a choice tells the role, the last one why it ended. */
  chunks(event: CompletionEvent): ChatCompletionChunk[] {
    const { index } = event
    const chunks: ChatCompletionChunk[] = []
    if (!this.#begun.has(index)) {
      this.#begun.add(index)
      chunks.push(this.#chunk(index, { role: 'assistant', content: '' }))
    }
    if (event.kind === 'text') return [...chunks, this.#chunk(index, { content: event.text })]
    this.#results.push(event.result)
    return [...chunks, this.#chunk(index, {}, finishReason(event.result.finish))]
  }

  /** What follows the last choice. */
  end(): ChatCompletionChunk[] {
    return this.#includeUsage ? [{ ...this.#envelope(), choices: [], usage: usageOf(this.#results) }] : []
  }

  #chunk(
    index: number,
    delta: ChunkChoice['delta'],
    finish: CompletionFinishReason | null = null,
  ): ChatCompletionChunk {
    const choices = [{ index, delta, logprobs: null, finish_reason: finish }]
    return { ...this.#envelope(), choices, ...(this.#includeUsage ? { usage: null } : {}) }
  }

  #envelope() {
    const { id, created, model } = this.#identity
    return { id, object: 'chat.completion.chunk', created, model } as const
  }
}

/** The answer to a request that does not stream. @param results one for each choice */
export function completionOf(identity: CompletionIdentity, results: readonly GenerationResult[]): ChatCompletion {
  const { id, created, model } = identity
  const choices = results.map(({ text, finish }, index) => ({
    index,
    message: { role: 'assistant' as const, content: text, refusal: null },
    logprobs: null,
    finish_reason: finishReason(finish),
  }))
  return { id, object: 'chat.completion', created, model, choices, usage: usageOf(results) }
}

/** A full context is a length too; an answer that is broken off is never told as one that has ended. */
function finishReason(finish: FinishReason): CompletionFinishReason {
  return finish === 'stop' ? 'stop' : 'length'
}

function usageOf(results: readonly GenerationResult[]): CompletionUsage {
  const { promptTokens = 0, reusedTokens = 0 } = results[0]?.usage ?? {}
  const completionTokens = results.reduce((sum, { usage }) => sum + usage.generatedTokens, 0)
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: reusedTokens },
  }
}
