import { PocketPhiError } from '../base/errors.ts'
import type { ChatOptions } from '../engine/chat-rules.ts'
import type { GenerationChunk, GenerationResult } from '../engine/generate.ts'
import type { ChatMessage } from '../text/templates.ts'
import type { AnswerOptions, CompletionTask } from './request.ts'
import type { CompletionEvent } from './response.ts'

interface ModelAnswer extends AsyncIterable<GenerationChunk> {
  readonly dropped: readonly ChatMessage[]
  result(): Promise<GenerationResult>
}

/** What is needed of a model: `PhiModel` has it, and so has `RemoteModel`. */
export interface ChatModel {
  chat(options?: ChatOptions): {
    answer(messages: readonly ChatMessage[], options?: AnswerOptions): ModelAnswer
    /** Of a model in a worker. */
    close?(): Promise<void>
  }
}

/**
 * Lets a model answer a request, one choice after another: the prompt is computed once and then found in the cache.
 *
 * @throws PocketPhiError `context-full` when the messages leave no room; here no turn is dropped, since a request says what
 *   the model is to see. `aborted` when the signal fires. What the engine throws.
 */
export async function* answerRequest(
  model: ChatModel,
  { messages, options, choices }: CompletionTask,
  signal: AbortSignal,
): AsyncGenerator<CompletionEvent, void, void> {
  for (let index = 0; index < choices; index++) {
    const seed = options.seed === undefined ? {} : { seed: options.seed + index }
    const chat = model.chat()
    try {
      const answer = chat.answer(messages, { ...options, ...seed, signal })
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
}

function checkWhole({ dropped }: ModelAnswer): void {
  if (dropped.length === 0) return
  throw new PocketPhiError('context-full', 'The messages do not fit the context of the model.', {
    found: `${dropped.length} messages too many`,
    remedy: 'Leave out the oldest turns, or load the model with a larger context.',
  })
}
