/** The ways to ask for something that the model has to compute. */
import { answerRequest, continueTexts, type ChatModel, type TakenPicture, type TextModel } from '../openai/answers.ts'
import { embedInputs, readEmbeddingRequest, type EmbeddingModel } from '../openai/embeddings.ts'
import type { AnswerTask } from '../openai/options.ts'
import { readRequest } from '../openai/request.ts'
import {
  ChunkWriter,
  completionOf,
  newIdentity,
  usageOf,
  type CompletionEvent,
  type EndedAnswer,
} from '../openai/response.ts'
import { readTextRequest } from '../openai/text-request.ts'
import { TextChunkWriter, textCompletionOf } from '../openai/text-response.ts'
import type { CompletionUsage, EmbeddingsResponse } from '../openai/types.ts'
import { answerFromSources, type ServedSearch } from './search.ts'

/** What is needed of a model to be served: `PhiModel` has it, and so has `RemoteModel`. */
export interface ServedModel<Picture extends TakenPicture = TakenPicture>
  extends ChatModel<Picture>, TextModel, EmbeddingModel {}

interface Writer {
  chunks(event: CompletionEvent): readonly object[]
  end(): readonly object[]
}

/** A request for vectors. */
export interface AskedVectors {
  readonly kind: 'vectors'
  readonly model: string | undefined
  embed(signal: AbortSignal): Promise<EmbeddingsResponse>
}

/** A request for an answer. */
export interface AskedAnswer extends Pick<AnswerTask, 'stream' | 'model'> {
  readonly kind: 'answer'
  events(signal: AbortSignal): AsyncGenerator<CompletionEvent, void, void>
  /** The chunks of an answer that streams. */
  writer(): Writer
  /** An answer that does not. */
  whole(answers: readonly EndedAnswer[]): object
  usage(answers: readonly EndedAnswer[]): CompletionUsage
}

/** A request that was understood. */
export type Asked = AskedAnswer | AskedVectors

/** Reads the body of a request. @throws RequestError */
type ReadBody = (body: unknown) => Asked

/**
 * What is asked of a model under which path.
 *
 * @param name of the model in answers
 * @param search where chats find sources, when they ask for some
 */
export function endpointsOf<Picture extends TakenPicture>(
  model: ServedModel<Picture>,
  { name, search }: { readonly name: string; readonly search?: ServedSearch | undefined },
): Readonly<Record<string, ReadBody>> {
  return {
    '/v1/chat/completions': (body) => {
      const task = readRequest(body, search !== undefined)
      const identity = newIdentity(name)
      return {
        kind: 'answer',
        ...task,
        events: (signal) =>
          search !== undefined && task.searches === true
            ? answerFromSources(model, task, search, signal)
            : answerRequest(model, task, signal),
        writer: () => new ChunkWriter(identity, task.includeUsage),
        whole: (answers) => completionOf(identity, answers),
        usage: (answers) => usageOf(answers),
      }
    },
    '/v1/completions': (body) => {
      const task = readTextRequest(body)
      const { choices, includeUsage } = task
      const identity = newIdentity(name, 'cmpl')
      return {
        kind: 'answer',
        ...task,
        events: (signal) => continueTexts(model, task, signal),
        writer: () => new TextChunkWriter(identity, includeUsage, choices),
        whole: (answers) => textCompletionOf(identity, answers, choices),
        usage: (answers) => usageOf(answers, choices),
      }
    },
    '/v1/embeddings': (body) => {
      const task = readEmbeddingRequest(body)
      return { kind: 'vectors', model: task.model, embed: (signal) => embedInputs(model, task, name, signal) }
    },
  }
}
