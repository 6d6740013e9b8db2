/** From what the engine says to answers and chunks. Pure: a server sends them as the client hands them out. */
import type { FinishReason, GenerationResult } from '../engine/generate.ts'
import type { CallDelta, ReadAnswer } from './tool-reader.ts'
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChoiceLogProbs,
  ChunkChoice,
  CompletionFinishReason,
  CompletionUsage,
  MessageToolCall,
  TokenLogProb,
  ToolCallDelta,
  UrlCitation,
} from './types.ts'

/** What an answer and all chunks of a stream have in common. */
export interface CompletionIdentity {
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
  readonly model: string
}

/** An identity of its own. @param kind what an id begins with */
export function newIdentity(model: string, kind: 'chatcmpl' | 'cmpl' = 'chatcmpl'): CompletionIdentity {
  return {
    id: `${kind}-${crypto.randomUUID().replaceAll('-', '')}`,
    created: Math.floor(Date.now() / 1000),
    model,
  }
}

/** An answer that has ended. */
export interface EndedAnswer {
  readonly result: GenerationResult
  /** Of its tokens, where they were asked for. */
  readonly logprobs?: readonly TokenLogProb[] | undefined
  /** What it says and calls, where it could call functions. */
  readonly read?: ReadAnswer | undefined
  /** Where it names sources, where some were looked for. */
  readonly citations?: readonly UrlCitation[]
}

/** Text that has become certain, and the log-probabilities of the tokens that it completes. */
export interface WrittenText {
  readonly text: string
  readonly calls?: readonly CallDelta[]
  readonly logprobs?: readonly TokenLogProb[] | undefined
}

/** What is heard of the answers to a request, in order. */
export type CompletionEvent =
  | ({ readonly kind: 'text'; readonly index: number } & WrittenText)
  | ({ readonly kind: 'end'; readonly index: number } & EndedAnswer)

/** Makes the chunks of one stream. */
export class ChunkWriter {
  readonly #identity: CompletionIdentity
  readonly #includeUsage: boolean
  readonly #begun = new Set<number>()
  readonly #answers: EndedAnswer[] = []

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
      chunks.push(
        this.#chunk({ index, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }),
      )
    }
    if (event.kind === 'text') {
      const { text, calls = [], logprobs } = event
      const delta = {
        ...(text === '' && calls.length > 0 ? {} : { content: text }),
        ...(calls.length === 0 ? {} : { tool_calls: calls.map(toolCallDelta) }),
      }
      return [...chunks, this.#chunk({ index, delta, logprobs: choiceLogProbs(logprobs), finish_reason: null })]
    }
    this.#answers.push(event)
    const finish = chatFinishReason(event)
    const delta = event.citations === undefined ? {} : { annotations: [...event.citations] }
    return [...chunks, this.#chunk({ index, delta, logprobs: null, finish_reason: finish })]
  }

  /** What follows the last choice. */
  end(): ChatCompletionChunk[] {
    return this.#includeUsage ? [{ ...this.#envelope(), choices: [], usage: usageOf(this.#answers) }] : []
  }

  #chunk(choice: ChunkChoice): ChatCompletionChunk {
    return { ...this.#envelope(), choices: [choice], ...(this.#includeUsage ? { usage: null } : {}) }
  }

  #envelope() {
    const { id, created, model } = this.#identity
    return { id, object: 'chat.completion.chunk', created, model } as const
  }
}

/** The answer to a request that does not stream. @param answers one for each choice */
export function completionOf(identity: CompletionIdentity, answers: readonly EndedAnswer[]): ChatCompletion {
  const { id, created, model } = identity
  const choices = answers.map((answer, index) => ({
    index,
    message: { role: 'assistant' as const, ...messageOf(answer), refusal: null },
    logprobs: choiceLogProbs(answer.logprobs),
    finish_reason: chatFinishReason(answer),
  }))
  return { id, object: 'chat.completion', created, model, choices, usage: usageOf(answers) }
}

function messageOf({ result, citations, read = { content: result.text, calls: [] } }: EndedAnswer): {
  content: string | null
  tool_calls?: MessageToolCall[]
  annotations?: UrlCitation[]
} {
  const { content, calls } = read
  const annotations = citations === undefined ? {} : { annotations: [...citations] }
  if (calls.length === 0) return { content, ...annotations }
  return {
    ...annotations,
    content: content === '' ? null : content,
    tool_calls: calls.map(({ id, name, arguments: given }) => ({
      id,
      type: 'function',
      function: { name, arguments: given },
    })),
  }
}

function toolCallDelta({ index, begun, arguments: part }: CallDelta): ToolCallDelta {
  if (begun === undefined) return { index, function: { arguments: part } }
  const { id, name } = begun
  return { index, id, type: 'function', function: { name, arguments: part } }
}

/** Calls that were not written to their end are told as what they are: broken off. */
function chatFinishReason({ result, read }: EndedAnswer): CompletionFinishReason {
  const reason = finishReason(result.finish)
  return reason === 'stop' && read !== undefined && read.calls.length > 0 ? 'tool_calls' : reason
}

function choiceLogProbs(logprobs: readonly TokenLogProb[] | undefined): ChoiceLogProbs | null {
  return logprobs === undefined ? null : { content: [...logprobs], refusal: null }
}

/** A full context is a length too; an answer that is broken off is never told as one that has ended. */
export function finishReason(finish: FinishReason): 'stop' | 'length' {
  return finish === 'stop' ? 'stop' : 'length'
}

/** @param choices answers in a row that have the same prompt; all of them when left out */
export function usageOf(answers: readonly EndedAnswer[], choices = answers.length): CompletionUsage {
  const usages = answers.map(({ result }) => result.usage)
  const firsts = usages.filter((_, index) => index % choices === 0)
  const promptTokens = sum(firsts.map((usage) => usage.promptTokens))
  const completionTokens = sum(usages.map((usage) => usage.generatedTokens))
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: sum(firsts.map((usage) => usage.reusedTokens)) },
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
