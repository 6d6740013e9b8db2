/** The two ways to ask for an answer. */
import { answerRequest, continueTexts, type ChatModel, type TakenPicture, type TextModel } from '../openai/answers.ts'
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
import type { CompletionUsage } from '../openai/types.ts'

/** What is needed of a model to be served: `PhiModel` has it, and so has `RemoteModel`. */
export interface ServedModel<Picture extends TakenPicture = TakenPicture> extends ChatModel<Picture>, TextModel {}

interface Writer {
  chunks(event: CompletionEvent): readonly object[]
  end(): readonly object[]
}

/** A request that was understood and can be answered. */
export interface Asked extends Pick<AnswerTask, 'stream' | 'model'> {
  events(signal: AbortSignal): AsyncGenerator<CompletionEvent, void, void>
  /** The chunks of an answer that streams. */
  writer(): Writer
  /** An answer that does not. */
  whole(answers: readonly EndedAnswer[]): object
  usage(answers: readonly EndedAnswer[]): CompletionUsage
}

/** Reads the body of a request. @throws RequestError */
type ReadBody = (body: unknown) => Asked

/** What is asked of a model under which path. @param name of the model in answers */
export function endpointsOf<Picture extends TakenPicture>(
  model: ServedModel<Picture>,
  name: string,
): Readonly<Record<string, ReadBody>> {
  return {
    '/v1/chat/completions': (body) => {
      const task = readRequest(body)
      const identity = newIdentity(name)
      return {
        ...task,
        events: (signal) => answerRequest(model, task, signal),
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
        ...task,
        events: (signal) => continueTexts(model, task, signal),
        writer: () => new TextChunkWriter(identity, includeUsage, choices),
        whole: (answers) => textCompletionOf(identity, answers, choices),
        usage: (answers) => usageOf(answers, choices),
      }
    },
  }
}
