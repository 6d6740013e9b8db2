/** From a question to the same question with sources. */
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import { fitting, fuse } from './choose.ts'
import type { Passage, SearchProvider } from './passage.ts'
import { groundedQuestion, queryFrom, queryQuestion, sourceText, type Said } from './question.ts'

export interface GroundOptions {
  readonly providers: readonly SearchProvider[]
  /** Answers an instruction in a few words: the model, which writes the query. Without it the question is the query. */
  readonly write?: ((instruction: string, signal: AbortSignal | undefined) => Promise<string>) | undefined
  /** What was said before the question, oldest first. */
  readonly said?: readonly Said[]
  /** Tokens of a text; an engine behind a port takes a moment to say. */
  readonly tokensOf: (text: string) => number | Promise<number>
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
  /** What went wrong with some of several places, while others answered. */
  readonly failures: readonly unknown[]
}

/**
 * Searches for what answers a question. A query that the model writes from the conversation may have words of one's own documents in it: where there are
 * such, it goes to no place beyond this machine.
 *
 * @returns undefined where nothing was found
 * @throws PocketPhiError `context-full` where there is no room for anything that was found; what providers throw where none of them finds something,
 * and `write`
 */
export async function ground(question: string, options: GroundOptions): Promise<Grounded | undefined> {
  const { providers, tokensOf, room, count, signal } = options
  const written = await writtenQuery(question, options)
  const queries = written === undefined || written === question ? [question] : [question, written]
  const staysHere = providers.some(({ isLocal }) => isLocal)
  const searches = providers.flatMap((provider) => {
    const asked = staysHere && !provider.isLocal ? [question] : queries
    return asked.map(async (query) => await provider.find(query, { count: 2 * count, signal }))
  })
  const outcomes = await Promise.allSettled(searches)
  throwIfAborted(signal)
  const failures = outcomes.flatMap((outcome): unknown[] => (outcome.status === 'rejected' ? [outcome.reason] : []))
  const found = fuse(outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : [])))
  if (found.length === 0) {
    if (failures.length > 0) throw failures[0]
    return undefined
  }
  const sources = await fitting(found, (passage) => tokensOf(sourceText(passage)), { room, count })
  if (sources.length === 0) throw noRoom(room)
  return { content: groundedQuestion(question, sources), sources, queries, failures }
}

async function writtenQuery(
  question: string,
  { write, said = [], signal }: GroundOptions,
): Promise<string | undefined> {
  const written = await write?.(queryQuestion(question, said), signal)
  return written === undefined ? undefined : queryFrom(written, [question, ...said.map(({ content }) => content)])
}

function noRoom(room: number): PocketPhiError {
  return new PocketPhiError('context-full', 'There is no room for what was found.', {
    found: `room for ${room} tokens of sources`,
    remedy: 'Load the model with a larger context.',
  })
}
