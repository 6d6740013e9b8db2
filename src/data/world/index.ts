/**
 * The closed world that phi-nano learns: tables of facts, and generators that turn them into text. Document i of a seed
 * depends on nothing but (seed, kind, i), so that training data can be made again, in any order and on any machine.
 */
import { PocketPhiError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { worldHash } from './held-out.ts'
import { arithmeticKind } from './kinds/arithmetic.ts'
import { basicsKind } from './kinds/basics.ts'
import { causesKind } from './kinds/causes.ts'
import { dialoguesKind } from './kinds/dialogues.ts'
import { outsideKind } from './kinds/outside.ts'
import { peopleKind } from './kinds/people.ts'
import { placesKind } from './kinds/places.ts'
import { refusalsKind } from './kinds/refusals.ts'
import { smallTalkKind } from './kinds/small-talk.ts'
import { storiesKind } from './kinds/stories.ts'
import { thingsKind } from './kinds/things.ts'
import { wordsKind } from './kinds/words.ts'
import { systemMessages } from './system-messages.ts'
import type { ChatMessage, WorldConversation, WorldDocument, WorldKind } from './types.ts'

export { drawArithmeticQuestions } from './kinds/arithmetic.ts'
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
]

/** Weights by name of a kind; what is not named keeps its weight, 0 leaves a kind out. */
export type Mixture = Readonly<Record<string, number>>

export const documentMixture: Mixture = Object.fromEntries(worldKinds.map((kind) => [kind.name, kind.documentWeight]))
export const conversationMixture: Mixture = Object.fromEntries(
  worldKinds.map((kind) => [kind.name, kind.conversationWeight]),
)

/** A stream for one item; the label keeps documents and conversations of one index apart. */
function stream(seed: number, label: string, index: number): Random {
  return new Random(worldHash(`${seed}/${label}/${index}`))
}

function kindNamed(name: string): WorldKind {
  const kind = worldKinds.find((candidate) => candidate.name === name)
  if (kind === undefined) {
    throw new PocketPhiError('invalid-argument', `The world has no kind "${name}".`, {
      expected: `one of ${worldKinds.map((candidate) => candidate.name).join(', ')}`,
    })
  }
  return kind
}

function weightOf(kind: WorldKind, defaults: Mixture, mixture: Mixture | undefined): number {
  return mixture?.[kind.name] ?? defaults[kind.name] ?? 0
}

function pickKind(random: Random, defaults: Mixture, mixture: Mixture | undefined): WorldKind {
  if (mixture !== undefined) for (const name of Object.keys(mixture)) kindNamed(name)
  let total = 0
  for (const kind of worldKinds) total += weightOf(kind, defaults, mixture)
  let point = random.float() * total
  for (const kind of worldKinds) {
    point -= weightOf(kind, defaults, mixture)
    if (point < 0) return kind
  }
  throw new PocketPhiError('invalid-config', 'The mixture of the world has no positive weight.')
}

export interface DrawOptions {
  /** Only this kind. */
  readonly kind?: string
  readonly mixture?: Mixture
}

/** Document `index` of `seed`: textbook-like text without a trailing newline. */
export function document(seed: number, index: number, options: DrawOptions = {}): WorldDocument {
  const random = stream(seed, `document/${options.kind ?? ''}`, index)
  const kind = options.kind === undefined ? pickKind(random, documentMixture, options.mixture) : kindNamed(options.kind)
  return { kind: kind.name, text: kind.document(random) }
}

/** Conversation `index` of `seed`: one to four exchanges, sometimes with a system message or a change of topic. */
export function conversation(seed: number, index: number, options: DrawOptions = {}): WorldConversation {
  const random = stream(seed, `conversation/${options.kind ?? ''}`, index)
  const draw = (): WorldKind =>
    options.kind === undefined ? pickKind(random, conversationMixture, options.mixture) : kindNamed(options.kind)
  const kind = draw()
  if (kind.conversationWeight === 0 && options.kind !== undefined) {
    throw new PocketPhiError('invalid-argument', `The kind "${kind.name}" has no conversations.`)
  }
  const turns = random.pick([1, 1, 1, 1, 2, 2, 3, 4])
  const messages: ChatMessage[] = []
  if (random.float() < 0.15) messages.push({ role: 'system', content: random.pick(systemMessages) })
  const first = turns > 1 && random.float() < 0.5 ? random.integer(1, turns) : turns
  let left = turns
  let current = kind
  while (left > 0) {
    const wanted = left === turns ? first : left
    const exchanges = current.exchanges(random, wanted).slice(0, wanted)
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
