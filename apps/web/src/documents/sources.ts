/** Sources for a question, looked up as `phi chat --search` does. */
import { ground, type Grounded, type Said } from 'pocket-phi/search'
import type { RemoteModel } from 'pocket-phi/worker'
import { documentProvider } from './documents.ts'

/** The answer where nothing is found. */
export const nothingFound = 'Nothing was found about this in your documents.'

/** Sources that go with a question, at most. */
const mostSources = 5

/** Tokens of a query that the model writes. */
const queryTokens = 32

/**
 * @param said before the question
 * @returns undefined where nothing was found
 * @throws PocketPhiError as `ground`
 */
export async function sourcesFor(
  question: string,
  said: readonly Said[],
  model: RemoteModel,
  signal: AbortSignal,
): Promise<Grounded | undefined> {
  return await ground(question, {
    providers: [documentProvider],
    write: async (instruction) => {
      const chat = model.chat()
      try {
        return (await chat.send(instruction, { maxTokens: queryTokens, signal }).result()).text
      } finally {
        void chat.close().catch(() => undefined)
      }
    },
    said,
    tokensOf: (text) => model.countTokens(text),
    // The rest is for what was said, the question and the answer.
    room: Math.floor(model.context / 2),
    count: mostSources,
    signal,
  })
}
