/** Answers from sources: the question that a request ends with is looked up before the model sees it. */
import { answerRequest, type ChatModel, type TakenPicture } from '../openai/answers.ts'
import type { CompletionTask } from '../openai/request.ts'
import type { CompletionEvent } from '../openai/response.ts'
import type { UrlCitation } from '../openai/types.ts'
import { citationPlaces } from '../search/citations.ts'
import type { Grounded } from '../search/ground.ts'
import type { Passage } from '../search/passage.ts'
import type { Said } from '../search/question.ts'

/** Where a server looks for sources. */
export interface ServedSearch {
  /** The answer where nothing is found. */
  readonly nothingFound: string
  /**
   * @param said before the question
   * @returns undefined where nothing was found
   */
  ground(question: string, said: readonly Said[], signal: AbortSignal): Promise<Grounded | undefined>
}

/**
 * As `answerRequest`, with sources for the last message where that is a question.
 *
 * @throws as `answerRequest`; what the search throws
 */
export async function* answerFromSources<Picture extends TakenPicture>(
  model: ChatModel<Picture>,
  task: CompletionTask,
  search: ServedSearch,
  signal: AbortSignal,
): AsyncGenerator<CompletionEvent, void, void> {
  const said = task.messages.slice(0, -1)
  const question = task.messages.at(-1)
  // What a function has returned is no question.
  if (question?.role !== 'user') return yield* answerRequest(model, task, signal)
  const grounded = await search.ground(question.content, said, signal)
  if (grounded === undefined) return yield* unanswered(task, search.nothingFound)
  const messages = [...said, { ...question, content: grounded.content }]
  for await (const event of answerRequest(model, { ...task, messages }, signal)) {
    if (event.kind === 'text') yield event
    else yield { ...event, citations: citationsIn(event.read?.content ?? event.result.text, grounded.sources) }
  }
}

function citationsIn(text: string, sources: readonly Passage[]): UrlCitation[] {
  return citationPlaces(text).flatMap(({ number, start, end }): UrlCitation[] => {
    const source = sources[number - 1]
    if (source === undefined) return []
    const { title, address: url } = source
    return [{ type: 'url_citation', url_citation: { start_index: start, end_index: end, title, url } }]
  })
}

/** Says so, without asking the model. */
function* unanswered({ choices }: CompletionTask, text: string): Generator<CompletionEvent, void, void> {
  const usage = {
    ...{ promptTokens: 0, reusedTokens: 0, generatedTokens: 0, guessedTokens: 0, acceptedTokens: 0 },
    ...{ promptSeconds: 0, generationSeconds: 0, promptTokensPerSecond: 0, generatedTokensPerSecond: 0 },
  }
  for (let index = 0; index < choices; index++) {
    yield { kind: 'text', index, text }
    yield { kind: 'end', index, citations: [], result: { text, ids: [], finish: 'stop', usage, seed: 0 } }
  }
}
