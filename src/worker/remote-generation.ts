import { PocketPhiError } from '../base/errors.ts'
import type { OnProgress } from '../base/progress.ts'
import type { GenerationChunk, GenerationResult } from '../engine/generate.ts'
import type { CallOptions } from './calls.ts'
import type { AnswerNews, SentAnswer, SentGenerateOptions } from './messages.ts'
import type { RemoteMessage } from './remote-picture.ts'

/** The options of `generate` but for a draft model, which would have to be on the other side. */
export interface RemoteGenerateOptions extends SentGenerateOptions {
  /** As `GenerateOptions.signal`. */
  readonly signal?: AbortSignal
  /** As `GenerateOptions.onProgress`. */
  readonly onProgress?: OnProgress
}

/** Asks for the answer when it is first read. */
export type StartAnswer = (options: CallOptions<AnswerNews>) => Promise<SentAnswer>

/**
 * An answer while it is written, as `Generation`: iterate over its chunks (once), or await `result()`. Nothing is computed before
 * that. The engine does not wait for the reader: chunks that come meanwhile are kept.
 */
export class RemoteGeneration implements AsyncIterable<GenerationChunk> {
  readonly #chunks: AsyncGenerator<GenerationChunk, void, void>
  #started = false
  /** Once it is asked for; it fails as reading does. */
  #answer: Promise<SentAnswer> | undefined
  readonly #asked: readonly RemoteMessage[]
  #dropped = 0

  /**
   * @param asked the conversation that is answered
   * @internal
   */
  constructor(
    start: StartAnswer,
    { signal, onProgress }: Pick<RemoteGenerateOptions, 'signal' | 'onProgress'>,
    asked: readonly RemoteMessage[] = [],
  ) {
    this.#asked = asked
    this.#chunks = this.#read(start, signal, onProgress)
  }

  /** Messages that had to be left out because the conversation no longer fits the context; known when the first chunk is. */
  get dropped(): readonly RemoteMessage[] {
    return this.#asked.filter(({ role }) => role !== 'system').slice(0, this.#dropped)
  }

  /** The chunks, once. @throws PocketPhiError `invalid-argument` the second time */
  [Symbol.asyncIterator](): AsyncIterator<GenerationChunk, void, void> {
    if (this.#started) throw new PocketPhiError('invalid-argument', 'An answer can be read only once.')
    this.#started = true
    return this.#chunks
  }

  /** Reads what is left and resolves to the whole answer. @throws what reading it threw; `aborted` when it was left before it was asked for */
  async result(): Promise<GenerationResult> {
    this.#started = true
    while ((await this.#chunks.next()).done !== true);
    if (this.#answer === undefined) throw new PocketPhiError('aborted', 'The answer was left before it began.')
    return (await this.#answer).result
  }

  async *#read(
    start: StartAnswer,
    signal: AbortSignal | undefined,
    onProgress: OnProgress | undefined,
  ): AsyncGenerator<GenerationChunk, void, void> {
    const left = new AbortController()
    const chunks: GenerationChunk[] = []
    let ended = false
    let wake = Promise.withResolvers<void>()
    const answer = (this.#answer = start({
      signal: signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]),
      onNews: (news) => {
        if (news.kind === 'progress') onProgress?.(news.progress)
        if (news.kind === 'dropped') this.#dropped = news.dropped
        if (news.kind === 'chunk') chunks.push(news.chunk)
        wake.resolve()
      },
    }))
    const end = (): void => {
      ended = true
      wake.resolve()
    }
    answer.then(end, end)
    try {
      for (;;) {
        const next = chunks.shift()
        if (next !== undefined) yield next
        else if (ended) break
        else {
          await wake.promise
          wake = Promise.withResolvers<void>()
        }
      }
    } finally {
      // A reader that goes away ends the answer; what was said so far is its result.
      if (!ended) left.abort()
      this.#dropped = (await answer).dropped
    }
  }
}
