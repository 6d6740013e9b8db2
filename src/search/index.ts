/**
 * Answers from sources: passages go with a question, and the answer names them.
 *
 *     import { citationsOf, ground } from 'pocket-phi/search'
 *
 *     const grounded = await ground(question, { providers: [index], tokensOf, room: 2000, count: 5 })
 *     if (grounded === undefined) return 'Nothing was found.'
 *     const { text } = await model.chat().send(grounded.content).result()
 *     const { cited, unknown } = citationsOf(text, grounded.sources.length)
 */
export { ground, type Grounded, type GroundOptions } from './ground.ts'
export {
  groundForModel,
  nothingFoundIn,
  usualSources,
  type ReadingChat,
  type ReadingModel,
  type ReadingReply,
} from './ground-for-model.ts'
export { citationsOf, type Citations } from './citations.ts'
export type { FindOptions, Passage, SearchProvider } from './passage.ts'
export type { Said } from './question.ts'
