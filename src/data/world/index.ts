/**
 * The closed world that phi-nano learns: tables of facts, and generators that turn them into text. Document i of a seed
 * depends on nothing but (seed, kind, i), so that training data can be made again, in any order and on any machine.
 */
import { PocketPhiError } from '../../base/errors.ts'
import { itemStream, kindNamed, pickKind, type Mixture } from './draw.ts'
import { arithmeticKind } from './kinds/arithmetic.ts'
import { basicsKind } from './kinds/basics.ts'
import { causesKind } from './kinds/causes.ts'
import { dialoguesKind } from './kinds/dialogues.ts'
import { outsideKind } from './kinds/outside.ts'
import { peopleKind } from './kinds/people.ts'
import { placesKind } from './kinds/places.ts'
import { readingKind } from './kinds/reading.ts'
import { refusalsKind } from './kinds/refusals.ts'
import { smallTalkKind } from './kinds/small-talk.ts'
import { storiesKind } from './kinds/stories.ts'
import { thingsKind } from './kinds/things.ts'
import { wordsKind } from './kinds/words.ts'
import { systemMessages } from './system-messages.ts'
import type { ChatMessage, WorldConversation, WorldDocument, WorldKind } from './types.ts'

export type { Mixture } from './draw.ts'
export { drawArithmeticQuestions } from './kinds/arithmetic.ts'
export { drawHarmfulRequests, drawHarmlessRequests } from './kinds/refusals.ts'
export { drawStoryQuestions } from './kinds/stories.ts'
export { preference, preferenceKinds } from './preferences.ts'
export type { WorldConversation, WorldDocument, WorldKind } from './types.ts'

export const worldKinds: readonly WorldKind[] = [
  arithmeticKind,
  thingsKind,
  peopleKind,
  placesKind,
  causesKind,
  storiesKind,
  wordsKind,
  basicsKind,
  dialoguesKind,
  smallTalkKind,
  outsideKind,
  refusalsKind,
  readingKind,
]

export const documentMixture: Mixture = Object.fromEntries(worldKinds.map((kind) => [kind.name, kind.documentWeight]))
export const conversationMixture: Mixture = Object.fromEntries(
  worldKinds.map((kind) => [kind.name, kind.conversationWeight]),
)

export interface DrawOptions {
  /** Only this kind. */
  readonly kind?: string
  readonly mixture?: Mixture
}

/** Document `index` of `seed`: textbook-like text without a trailing newline. */
export function document(seed: number, index: number, options: DrawOptions = {}): WorldDocument {
  const random = itemStream(seed, `document/${options.kind ?? ''}`, index)
  const kind =
    options.kind === undefined
      ? pickKind(random, worldKinds, ({ documentWeight }) => documentWeight, options.mixture)
      : kindNamed(worldKinds, options.kind)
  return { kind: kind.name, text: kind.document(random) }
}

/** Conversation `index` of `seed`: one to four exchanges, sometimes with a system message or a change of topic. */
export function conversation(seed: number, index: number, options: DrawOptions = {}): WorldConversation {
  const random = itemStream(seed, `conversation/${options.kind ?? ''}`, index)
  const draw = (): WorldKind =>
    options.kind === undefined
      ? pickKind(random, worldKinds, ({ conversationWeight }) => conversationWeight, options.mixture)
      : kindNamed(worldKinds, options.kind)
  const kind = draw()
  const turns = random.pick([1, 1, 1, 1, 2, 2, 3, 4])
  const messages: ChatMessage[] = []
  if (random.float() < 0.15) messages.push({ role: 'system', content: random.pick(systemMessages) })
  const first = turns > 1 && random.float() < 0.5 ? random.integer(1, turns) : turns
  let left = turns
  let current = kind
  while (left > 0) {
    const wanted = left === turns ? first : left
    const exchanges = current.exchanges(random, wanted).slice(0, wanted)
    if (exchanges.length === 0 && options.kind !== undefined) {
      throw new PocketPhiError('invalid-argument', `The kind "${kind.name}" has no conversations.`)
    }
    for (const { question, answer } of exchanges) {
      messages.push({ role: 'user', content: question }, { role: 'assistant', content: answer })
    }
    left -= Math.max(1, exchanges.length)
    current = draw()
  }
  return { kind: kind.name, messages }
}

/** An endless stream of documents from `start` on. */
export function* generateDocuments(
  options: DrawOptions & { readonly seed: number; readonly start?: number },
): Generator<WorldDocument, never> {
  for (let index = options.start ?? 0; ; index++) yield document(options.seed, index, options)
}

/** An endless stream of conversations from `start` on. */
export function* generateConversations(
  options: DrawOptions & { readonly seed: number; readonly start?: number },
): Generator<WorldConversation, never> {
  for (let index = options.start ?? 0; ; index++) yield conversation(options.seed, index, options)
}
