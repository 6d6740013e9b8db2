import { PocketPhiError } from '../base/errors.ts'
import type { PictureOptions } from '../engine/album.ts'
import type { GenerationChunk, GenerationResult } from '../engine/generate.ts'
import type { PicturedMessage } from '../engine/picture-text.ts'
import type { ChatMessage } from '../text/templates.ts'
import { imageError, type RequestImage } from './images.ts'
import type { AnswerOptions, CompletionTask } from './request.ts'
import type { CompletionEvent } from './response.ts'

interface ModelAnswer extends AsyncIterable<GenerationChunk> {
  readonly dropped: readonly ChatMessage[]
  result(): Promise<GenerationResult>
}

/** A picture that a model has taken in. */
export interface TakenPicture {
  readonly tokens: number
  /** Of a model in a worker. */
  close?(): Promise<void>
}

/** What is needed of a model: `PhiModel` has it, and so has `RemoteModel`. */
export interface ChatModel<Picture extends TakenPicture = TakenPicture> {
  picture(source: Uint8Array, options?: PictureOptions): Promise<Picture>
  chat(): {
    answer(messages: readonly PicturedMessage<Picture>[], options?: AnswerOptions): ModelAnswer
    /** Of a model in a worker. */
    close?(): Promise<void>
  }
}

/**
 * Lets a model answer a request, one choice after another: the prompt is computed once and then found in the cache.
 *
 * @throws RequestError for a picture that is torn, or that the model cannot see
 * @throws PocketPhiError `context-full` when the messages leave no room; here no turn is dropped, since a request says what
 *   the model is to see. `aborted` when the signal fires. What the engine throws.
 */
export async function* answerRequest<Picture extends TakenPicture>(
  model: ChatModel<Picture>,
  { messages, options, choices }: CompletionTask,
  signal: AbortSignal,
): AsyncGenerator<CompletionEvent, void, void> {
  const taken: Picture[] = []
  try {
    const seen = await takePictures(model, messages, taken)
    for (let index = 0; index < choices; index++) {
      const seed = options.seed === undefined ? {} : { seed: options.seed + index }
      const chat = model.chat()
      try {
        const answer = chat.answer(seen, { ...options, ...seed, signal })
        for await (const { text } of answer) {
          checkWhole(answer)
          if (text !== '') yield { kind: 'text', index, text }
        }
        checkWhole(answer)
        const result = await answer.result()
        if (result.finish === 'aborted') throw new PocketPhiError('aborted', 'The answer was broken off.')
        yield { kind: 'end', index, result }
      } finally {
        await chat.close?.()
      }
    }
  } finally {
    for (const picture of taken) await picture.close?.()
  }
}

/** The messages with what the model takes for their pictures. @param taken where those are put, also when one fails */
async function takePictures<Picture extends TakenPicture>(
  model: ChatModel<Picture>,
  messages: readonly PicturedMessage<RequestImage>[],
  taken: Picture[],
): Promise<PicturedMessage<Picture>[]> {
  const seen: PicturedMessage<Picture>[] = []
  for (const { pictures: images, ...message } of messages) {
    const pictures: Picture[] = []
    for (const image of images ?? []) {
      const picture = await model.picture(image.bytes, image.options).catch((error: unknown) => {
        throw imageError(error, image)
      })
      taken.push(picture)
      pictures.push(picture)
    }
    seen.push(pictures.length === 0 ? message : { ...message, pictures })
  }
  return seen
}

function checkWhole({ dropped }: ModelAnswer): void {
  if (dropped.length === 0) return
  throw new PocketPhiError('context-full', 'The messages do not fit the context of the model.', {
    found: `${dropped.length} messages too many`,
    remedy: 'Leave out the oldest turns, or load the model with a larger context.',
  })
}
