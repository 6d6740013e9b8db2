import { PocketPhiError } from '../base/errors.ts'
import { APIError } from './errors.ts'
import type { ChatCompletionChunk } from './types.ts'

/** What a stream is read from. */
export interface StreamSource {
  readonly chunks: AsyncIterable<ChatCompletionChunk>
  /** Ends the answer, also where no chunk is ever read. */
  readonly close: () => Promise<void>
  readonly controller: AbortController
  /** Fires when the controller does, or the signal of the caller. */
  readonly signal: AbortSignal
}

/**
 * The chunks of an answer while it is written, to be iterated over once. `controller.abort()`, or leaving the loop, ends the
 * answer in the engine as well; the loop then ends without an error.
 */
export class ChatCompletionStream implements AsyncIterable<ChatCompletionChunk> {
  readonly controller: AbortController
  readonly #source: StreamSource
  #consumed = false

  constructor(source: StreamSource) {
    this.#source = source
    this.controller = source.controller
    // A stream that nobody reads holds its place in the engine until it is closed; one that is read closes itself.
    const closeUnread = (): unknown => (this.#consumed ? undefined : source.close())
    source.signal.addEventListener('abort', closeUnread, { once: true })
  }

  /** @throws APIError for what goes wrong while the answer is written */
  async *[Symbol.asyncIterator](): AsyncGenerator<ChatCompletionChunk, void, void> {
    const { chunks, signal } = this.#source
    if (this.#consumed) {
      throw new APIError(new PocketPhiError('invalid-argument', 'A stream can be read only once.'))
    }
    this.#consumed = true
    if (signal.aborted) return
    try {
      yield* chunks
    } catch (error) {
      if (!signal.aborted) throw new APIError(error)
    }
  }
}
