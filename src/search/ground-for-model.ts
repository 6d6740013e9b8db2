/** From a question to the same question with sources, by the measures of commands and pages: which model answers decides how much it is given. */
import { ground, type Grounded, type GroundOptions } from './ground.ts'

/** A model as far as a search needs one: in this thread or behind a port. */
export interface ReadingModel {
  /** Tokens that it sees at most. */
  readonly context: number
  /** Starts a conversation. */
  chat(): ReadingChat
}

/** A conversation, as far as a search needs one. */
export interface ReadingChat {
  /** Says something. */
  send(message: string, options: { readonly maxTokens: number; readonly signal?: AbortSignal }): ReadingReply
  /** Lets go of what a chat behind a port holds there. */
  close?(): Promise<void>
}

/** Sources that go with a question, at most, where nobody says how many. */
export const usualSources = 5

/** Tokens of a query that the model writes. */
const queryTokens = 32

/**
 * As `ground`, with queries that the model writes and sources that take half of its context: the rest is for what was said, the question and the answer.
 *
 * @returns undefined where nothing was found
 * @throws PocketPhiError as `ground`, and what the model throws
 */
export async function groundForModel(
  model: ReadingModel,
  question: string,
  options: Omit<GroundOptions, 'write' | 'room'>,
): Promise<Grounded | undefined> {
  const write = (instruction: string, signal?: AbortSignal): Promise<string> => writeQuery(model, instruction, signal)
  return await ground(question, { ...options, write, room: Math.floor(model.context / 2) })
}

async function writeQuery(model: ReadingModel, instruction: string, signal?: AbortSignal): Promise<string> {
  const chat = model.chat()
  try {
    const reply = chat.send(instruction, { maxTokens: queryTokens, ...(signal && { signal }) })
    return (await reply.result()).text
  } finally {
    // Whether it could be closed is nothing to whoever asked.
    void chat.close?.().catch(() => undefined)
  }
}

/** An answer, as far as a search needs it. */
export interface ReadingReply {
  /** The answer when it has ended. */
  result(): Promise<{ readonly text: string }>
}

/** The answer where nothing is found. @param places where was looked, as people know them */
export function nothingFoundIn(places: string): string {
  return `Nothing was found about this in ${places}.`
}
