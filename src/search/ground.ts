/** From a question to the same question with sources. */
import { fitting, fuse } from './choose.ts'
import type { Passage, SearchProvider } from './passage.ts'
import { groundedQuestion, queryFrom, queryQuestion, sourceText, type Said } from './question.ts'

export interface GroundOptions {
  readonly providers: readonly SearchProvider[]
  /** Answers an instruction in a few words: the model, which writes the query. Without it the question is the query. */
  readonly write?: ((instruction: string, signal: AbortSignal | undefined) => Promise<string>) | undefined
  /** What was said before the question, oldest first. */
  readonly said?: readonly Said[]
  /** Tokens of a text. */
  readonly tokensOf: (text: string) => number
  /** Tokens that the sources may take together. */
  readonly room: number
  /** Sources, at most. */
  readonly count: number
  readonly signal?: AbortSignal | undefined
}

export interface Grounded {
  /** The message that the model is sent in place of the question. */
  readonly content: string
  /** In the order of their numbers. */
  readonly sources: readonly Passage[]
  readonly queries: readonly string[]
}

/**
 * Searches for what answers a question.
 *
 * @returns undefined where nothing was found
 * @throws PocketPhiError what providers throw, and `write`
 */
export async function ground(question: string, options: GroundOptions): Promise<Grounded | undefined> {
  const { providers, said = [], tokensOf, room, count, signal } = options
  const written = await options.write?.(queryQuestion(question, said), signal)
  const query =
    written === undefined ? undefined : queryFrom(written, [question, ...said.map(({ content }) => content)])
  const queries = [...new Set([question, ...(query === undefined ? [] : [query])])]
  const searches = providers.flatMap((provider) =>
    queries.map((one) => provider.find(one, { count: 2 * count, signal })),
  )
  const found = fuse(await Promise.all(searches))
  const sources = fitting(found, (passage) => tokensOf(sourceText(passage)), { room, count })
  return sources.length === 0 ? undefined : { content: groundedQuestion(question, sources), sources, queries }
}
