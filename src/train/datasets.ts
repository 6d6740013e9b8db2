/** What a recipe reads from files and packed shards: read once, split into what is learned and what is held out, and put in order. */
import { createHash } from 'node:crypto'
import { Random } from '../base/random.ts'
import { PocketPhiError, present } from '../base/errors.ts'
import { readConversations, readPreferences, type Preference, type Turns } from '../data/conversations/index.ts'
import { preference } from '../data/world/index.ts'
import { closeRecipeShards, openRecipeShards, type RecipeShards } from './packed-texts.ts'
import type { Recipe } from './recipe.ts'

type DataEntry = Recipe['data'][number]

/** An entry of a recipe that names a file. */
type FileEntry = Extract<DataEntry, { readonly file: string }>

/** An entry of a recipe that names a file of conversations. */
type ConversationEntry = Extract<DataEntry, { readonly source: 'conversations' }>

/** An entry of a recipe whose data are pairs of answers. */
export type PreferenceEntry = Extract<DataEntry, { readonly source: 'preferences' | 'world-preferences' }>

/** What a run reads from one file, or makes in advance. */
interface Dataset<Item> {
  /** What is learned, in the order of the file. */
  readonly learned: readonly Item[]
  /** What the held-out loss is measured on: chosen by content, so that equal items are on one side. */
  readonly heldOut: readonly Item[]
  /** A digest of both. */
  readonly contents: string
}

/** The lists of a recipe, by their entries. */
export interface Datasets {
  readonly conversations: ReadonlyMap<ConversationEntry, Dataset<Turns>>
  readonly preferences: ReadonlyMap<PreferenceEntry, Dataset<Preference>>
  /** Open, until the datasets are disposed of. */
  readonly shards: RecipeShards
}

/**
 * Reads the files of a recipe, and opens its shards.
 *
 * @param tokenizerJson the text of the tokenizer of the model, which shards must have been packed with
 * @throws PocketPhiError as `readConversations` and `openRecipeShards`; `invalid-config` for a file of which nothing would be held out, or learned
 */
export async function readDatasets(recipe: Recipe, tokenizerJson: string): Promise<Datasets & Disposable> {
  const conversations = new Map<ConversationEntry, Dataset<Turns>>()
  const preferences = new Map<PreferenceEntry, Dataset<Preference>>()
  for (const entry of recipe.data) {
    if (entry.source === 'conversations') {
      conversations.set(entry, splitItems(entry, await readConversations(entry.file, entry.format)))
    } else if (entry.source === 'preferences') {
      preferences.set(entry, splitItems(entry, await readPreferences(entry.file)))
    } else if (entry.source === 'world-preferences') {
      preferences.set(entry, worldPreferences(entry, recipe.evaluation.seed))
    }
  }
  const shards = await openRecipeShards(recipe, tokenizerJson)
  return { conversations, preferences, shards, [Symbol.dispose]: () => closeRecipeShards(shards) }
}

/** Pairs of the world: those that are held out have another seed, as all generated text has. */
function worldPreferences(
  { seed, pairs, mixture }: Extract<DataEntry, { readonly source: 'world-preferences' }>,
  shift: number,
): Dataset<Preference> {
  const made = (from: number, count: number): Preference[] =>
    Array.from({ length: count }, (_, index) => preference(from, index, { mixture }))
  const learned = made(seed, pairs)
  const heldOut = made(seed + shift, Math.ceil(pairs / 20))
  return { learned, heldOut, contents: digest(JSON.stringify([learned, heldOut])) }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Holds out those with the least digests: at least one, and never all. */
function splitItems<Item>({ file, heldOut: share }: FileEntry, items: readonly Item[]): Dataset<Item> {
  const digests = items.map((item) => digest(JSON.stringify(item)))
  const different = [...new Set(digests)].toSorted()
  if (different.length < 2) {
    throw new PocketPhiError('invalid-config', `Nothing would be learned of "${file}": all of it would be held out.`, {
      expected: 'at least two different lines, since equal ones are on one side',
      found: items.length === 1 ? 'one line' : `${items.length} lines, all of them equal`,
      remedy: 'Add another, for the loss on held-out text to be measured on.',
    })
  }
  const count = Math.min(Math.ceil(share * different.length), different.length - 1)
  const chosen = new Set(different.slice(0, count))
  const isHeldOut = (index: number): boolean => chosen.has(present(digests[index], 'digest'))
  return {
    learned: items.filter((_, index) => !isHeldOut(index)),
    heldOut: items.filter((_, index) => isHeldOut(index)),
    contents: digest(digests.join('\n')),
  }
}

/** Numbers below `size`, each once in every pass over them, in an order that depends on the seed and the pass. */
export class Shuffled {
  readonly #size: number
  readonly #seed: number
  #pass = -1
  #order: number[] = []

  constructor(size: number, seed: number) {
    this.#size = size
    this.#seed = seed
  }

  /** The number at a position, counted over all passes. */
  at(position: number): number {
    const pass = Math.floor(position / this.#size)
    if (pass !== this.#pass) {
      const order = Array.from({ length: this.#size }, (_, index) => index)
      this.#order = new Random(this.#seed).fork(`pass ${pass}`).shuffle(order)
      this.#pass = pass
    }
    return present(this.#order[position % this.#size], 'number')
  }
}
