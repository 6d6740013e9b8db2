/** What is measured: a model that is loaded here, or one behind an endpoint. */
import type { FewShot, Option, PictureFile } from '../tasks/types.ts'

/** How a prompt was made to fit. */
export interface Fitted {
  /** Examples that stand before the question. */
  readonly shots: number
  /** Tokens that were cut from the left although no example was left. */
  readonly cutTokens: number
  /** The prompts as they were before that, one where all options share it. */
  readonly prompts: readonly string[]
}

export interface LogLikelihoods extends Fitted {
  /** Of each option, in nats. */
  readonly logLikelihoods: readonly number[]
}

export interface Completion extends Fitted {
  readonly answer: string
}

export interface CompletionOptions {
  readonly maxTokens: number
  readonly stop: readonly string[]
  readonly signal?: AbortSignal | undefined
}

/** A message of a conversation, and the pictures that stand before its words. */
export interface Turn {
  readonly role: 'user' | 'assistant'
  readonly content: string
  readonly pictures?: readonly PictureFile[]
}

export interface ReplyOptions {
  readonly maxTokens: number
  /** 0 takes the likeliest token. */
  readonly temperature: number
  /** Of what is drawn. */
  readonly seed: number
  readonly signal?: AbortSignal | undefined
}

export interface Reply {
  readonly answer: string
  /** Tokens that were left out since they exceeded the context: of earlier turns, and of the beginning of the last message. */
  readonly cutTokens: number
}

export interface Subject {
  /** How likely each option is behind its context. @throws PocketPhiError `aborted`, `not-supported`, `context-full` where there is no room */
  logLikelihoods(fewShot: FewShot, options: readonly Option[], signal?: AbortSignal): Promise<LogLikelihoods>
  /** The likeliest continuation, token by token. @throws PocketPhiError `aborted`, `context-full` where there is no room */
  complete(fewShot: FewShot, question: string, options: CompletionOptions): Promise<Completion>
  /**
   * The answer to the last message of a conversation, by the chat template of the model.
   *
   * @throws PocketPhiError `aborted`; `context-full` where there is no room; `not-found` for a model without a template; `not-supported` for
   * pictures that it cannot see
   */
  reply(turns: readonly Turn[], options: ReplyOptions): Promise<Reply>
  close(): Promise<void>
}

/** What stands before a question with this many examples; a blank line is between all. */
export function leadOf({ preamble, shots }: FewShot, count: number): string {
  return [preamble, ...shots.slice(0, count)]
    .filter((part) => part !== '')
    .map((part) => `${part}\n\n`)
    .join('')
}

/** Contexts of options as they are recorded. */
export function promptsOf(lead: string, options: readonly Option[]): readonly string[] {
  const prompts = options.map(({ context }) => lead + context)
  return new Set(prompts).size === 1 ? prompts.slice(0, 1) : prompts
}
