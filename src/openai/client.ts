import { answerRequest, type ChatModel, type TakenPicture } from './answers.ts'
import { embedInputs, readEmbeddingRequest, type EmbeddingModel } from './embeddings.ts'
import { APIError, APIUserAbortError } from './errors.ts'
import { readRequest, type CompletionTask } from './request.ts'
import { ChunkWriter, completionOf, newIdentity, type CompletionEvent } from './response.ts'
import { ChatCompletionStream } from './stream.ts'
import type {
  ChatCompletion,
  ChatCompletionChunk,
  CompletionParams,
  CompletionParamsNonStreaming,
  CompletionParamsStreaming,
  EmbeddingParams,
  EmbeddingsResponse,
} from './types.ts'

/** What goes with a request. */
export interface RequestOptions {
  /** Ends the answer. Before it began, and without `stream`, `create` then throws an `APIUserAbortError`. */
  readonly signal?: AbortSignal | null
}

/** `client.chat.completions`. */
export interface Completions {
  /**
   * Answers a conversation.
   *
   * @throws APIError with OpenAI's `status`, `type`, `code` and `param`, and the `remedy` of the error that is its `cause`: for a
   *   parameter that is not supported or cannot be used, a conversation that does not fit, and what the engine throws
   */
  create(params: CompletionParamsNonStreaming, options?: RequestOptions): Promise<ChatCompletion>
  /** The same in chunks, as they come. @throws APIError as above */
  create(params: CompletionParamsStreaming, options?: RequestOptions): Promise<ChatCompletionStream>
  /** The one or the other, as `stream` says. @throws APIError as above */
  create(params: CompletionParams, options?: RequestOptions): Promise<ChatCompletion | ChatCompletionStream>
}

/** `client.embeddings`. */
export interface Embeddings {
  /** Vectors of texts (see `PhiModel.embed`). @throws APIError as `Completions.create` */
  create(params: EmbeddingParams, options?: RequestOptions): Promise<EmbeddingsResponse>
}

/** The part of OpenAI's client that is built. */
export interface OpenAIClient {
  readonly chat: { readonly completions: Completions }
  readonly embeddings: Embeddings
}

/** The name of the model in answers to requests that give none. */
const unnamed = 'pocket-phi'

/** OpenAI's interface over a model: one that was loaded here, or one in a worker. Nothing leaves the machine. */
export function createClient<Picture extends TakenPicture>(model: ChatModel<Picture> & EmbeddingModel): OpenAIClient {
  function create(params: CompletionParamsNonStreaming, options?: RequestOptions): Promise<ChatCompletion>
  function create(params: CompletionParamsStreaming, options?: RequestOptions): Promise<ChatCompletionStream>
  function create(params: CompletionParams, options?: RequestOptions): Promise<ChatCompletion | ChatCompletionStream>
  async function create(
    params: CompletionParams,
    { signal }: RequestOptions = {},
  ): Promise<ChatCompletion | ChatCompletionStream> {
    const controller = new AbortController()
    const ended = AbortSignal.any(signal == null ? [controller.signal] : [controller.signal, signal])
    try {
      const task = readRequest(params)
      const events = answerRequest(model, task, ended)
      return task.stream ? await streamOf(task, events, controller, ended) : await wholeOf(task, events)
    } catch (error) {
      throw ended.aborted ? new APIUserAbortError(error) : new APIError(error)
    }
  }
  return { chat: { completions: { create } }, embeddings: embeddingsOf(model) }
}

function embeddingsOf(model: EmbeddingModel): Embeddings {
  return {
    async create(params, { signal } = {}) {
      try {
        const task = readEmbeddingRequest(params)
        return await embedInputs(model, task, task.model ?? unnamed, signal ?? new AbortController().signal)
      } catch (error) {
        throw signal?.aborted === true ? new APIUserAbortError(error) : new APIError(error)
      }
    },
  }
}

async function wholeOf(task: CompletionTask, events: AsyncIterable<CompletionEvent>): Promise<ChatCompletion> {
  const answers = []
  for await (const event of events) if (event.kind === 'end') answers.push(event)
  return completionOf(newIdentity(task.model ?? unnamed), answers)
}

/** Waits for the first event, so that a request which is refused fails where it is made and not where it is read. */
async function streamOf(
  task: CompletionTask,
  events: AsyncGenerator<CompletionEvent, void, void>,
  controller: AbortController,
  signal: AbortSignal,
): Promise<ChatCompletionStream> {
  const first = await events.next()
  const chunks = writeChunks(task, first.done === true ? undefined : first.value, events)
  const close = async (): Promise<void> => {
    await events.return()
  }
  return new ChatCompletionStream({ chunks, close, controller, signal })
}

async function* writeChunks(
  task: CompletionTask,
  first: CompletionEvent | undefined,
  events: AsyncGenerator<CompletionEvent, void, void>,
): AsyncGenerator<ChatCompletionChunk, void, void> {
  const writer = new ChunkWriter(newIdentity(task.model ?? unnamed), task.includeUsage)
  try {
    if (first !== undefined) yield* writer.chunks(first)
    for await (const event of events) yield* writer.chunks(event)
    yield* writer.end()
  } finally {
    // A reader may go away before the loop that would end the answer has begun.
    await events.return()
  }
}
