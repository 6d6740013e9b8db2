import { Random } from '../base/random.ts'
import { PocketPhiError, present } from '../base/errors.ts'
import type { Preference } from '../data/conversations/index.ts'
import { passkeyLesson, recallDocument } from '../data/recall/index.ts'
import { shapesConversation } from '../data/shapes.ts'
import { conversation, document, type DrawOptions, type WorldConversation } from '../data/world/index.ts'
import type { ChatTemplate } from '../text/templates.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { Shuffled, type Datasets, type PreferenceEntry } from './datasets.ts'
import type { Example, ExampleSource } from './step/batches.ts'
import { packedExample } from './packed-texts.ts'
import { conversationExample, documentExample } from './step/examples.ts'
import { LearnedPicture } from './step/pictures.ts'
import type { PreferencePair } from './step/preferences.ts'
import { arePreferences, type Recipe } from './recipe.ts'

type DataEntry = Recipe['data'][number]
type GeneratedEntry = Exclude<DataEntry, { readonly file: string } | PreferenceEntry | { readonly source: 'shards' }>

/** How a model reads. */
export interface TrainedText {
  readonly tokenizer: Tokenizer
  /** How conversations are written for it. */
  readonly template: ChatTemplate
}

/** What is learned, or what is held out of it. */
export type Split = 'learned' | 'heldOut'

/** Item `index` of a stream of documents; undefined for streams of conversations. */
function documentText(entry: GeneratedEntry, seed: number, index: number): string | undefined {
  switch (entry.source) {
    case 'world-documents':
      return document(seed, index, mixtureOf(entry)).text
    case 'recall-documents':
      return recallDocument(seed, index, entry.words)
    case 'recall-passkeys':
      return passkeyLesson(seed, index, entry.words)
    case 'world-conversations':
    case 'shapes':
      return undefined
  }
}

/** Whether the examples of a source are conversations, which end otherwise than documents. */
export function isConversations(entry: DataEntry): boolean {
  return arePreferences(entry) || ['conversations', 'world-conversations', 'shapes'].includes(entry.source)
}

function isGenerated(entry: DataEntry): entry is GeneratedEntry {
  return !('file' in entry) && !arePreferences(entry) && entry.source !== 'shards'
}

function mixtureOf(entry: GeneratedEntry): DrawOptions {
  return 'mixture' in entry && entry.mixture !== undefined ? { mixture: entry.mixture } : {}
}

function conversationOf(entry: GeneratedEntry, seed: number, index: number): Pick<WorldConversation, 'messages'> {
  return entry.source === 'shapes' ? shapesConversation(seed, index) : conversation(seed, index, mixtureOf(entry))
}

/** The text of an example, for training a tokenizer. */
function plainText(entry: GeneratedEntry, seed: number, index: number): string {
  const text = documentText(entry, seed, index)
  if (text !== undefined) return text
  return conversationOf(entry, seed, index)
    .messages.map(({ content }) => content)
    .join('\n')
}

/** Which of the recipe's sources example `index` comes from: drawn by weight, from the seed and the index alone. */
function sourceOf(data: Recipe['data'], seed: number, index: number): DataEntry {
  const total = data.reduce((sum, { weight }) => sum + weight, 0)
  let draw = new Random(Math.imul(seed + 1, 0x9e3779b1) ^ index).float() * total
  for (const entry of data) {
    draw -= entry.weight
    if (draw < 0) return entry
  }
  return present(data.at(-1), 'data')
}

/** Which entry an example of the run comes from, and how many examples before it did. */
class Draws {
  readonly #entryOf: (index: number) => DataEntry
  readonly #drawn: { readonly entry: DataEntry; readonly before: number }[] = []
  readonly #counts = new Map<DataEntry, number>()

  constructor({ data, seed }: Recipe, shift: number) {
    this.#entryOf = (index) => sourceOf(data, seed + shift, index)
  }

  at(index: number): { readonly entry: DataEntry; readonly before: number } {
    while (this.#drawn.length <= index) {
      const entry = this.#entryOf(this.#drawn.length)
      const before = this.#counts.get(entry) ?? 0
      this.#drawn.push({ entry, before })
      this.#counts.set(entry, before + 1)
    }
    return present(this.#drawn[index], 'example')
  }
}

/** A list of examples, and the order in which a run takes them. */
class ListedExamples<Made> {
  readonly #made: readonly Made[]
  readonly #order: Shuffled | undefined

  /** @param seed of the order, in which the list is gone through anew each time; that of the list when left out */
  constructor(made: readonly Made[], seed: number | undefined) {
    this.#made = made
    this.#order = seed === undefined ? undefined : new Shuffled(made.length, seed)
  }

  get size(): number {
    return this.#made.length
  }

  /** Where in the list the item at a position is that is counted over all passes. */
  place(position: number): number {
    return this.#order?.at(position) ?? position % this.#made.length
  }

  at(place: number): Made {
    return present(this.#made[place], 'example')
  }
}

/** What becomes of the lines of a file. */
interface Fitting<Made> {
  readonly made: readonly Made[]
  /** How many have no word of an answer within the context, and are left out. */
  readonly tooLong: number
}

/** @throws PocketPhiError `invalid-config` when nothing fits */
function fitting<Item, Made>(
  entry: DataEntry,
  context: number,
  items: readonly Item[],
  make: (item: Item) => readonly Example[],
  join: (examples: readonly Example[]) => Made,
): Fitting<Made> {
  const teaches = ({ learned }: Example): boolean => learned?.slice(1, context).includes(true) !== false
  const all = items.map(make)
  const made = all.filter((examples) => examples.every(teaches)).map(join)
  if (made.length > 0) return { made, tooLong: all.length - made.length }
  throw new PocketPhiError(
    'invalid-config',
    `No answer in "${'file' in entry ? entry.file : entry.source}" fits into the context.`,
    {
      expected: 'conversations that are shorter',
      found: `"batch.context" of ${context}`,
      remedy: 'Raise "batch.context".',
    },
  )
}

/** One digest for what several files hold; undefined without files. */
function joinedContents(datasets: Iterable<{ readonly contents: string }>): string | undefined {
  const all = [...datasets].map(({ contents }) => contents).join(' ')
  return all === '' ? undefined : all
}

/** The examples of a recipe. */
export interface RecipeSource extends ExampleSource {
  /** Conversations in files that are left out, since no word of an answer is within the context. */
  readonly tooLong: number
}

/**
 * The recipe's text, example by example. Held-out text of generated kinds has other seeds; that of files is what was set aside. Example
 * `index` of the run is item `index` of the generated stream that it comes from, so that no item comes twice, or the next
 * item of a file, all of whose items come before one comes again. Packed texts come round after round; where there are other sources, each
 * with the chance of its weight.
 *
 * @throws PocketPhiError `invalid-config` for a file of which no answer fits; as `conversationExample`
 */
export function recipeSource(
  recipe: Recipe,
  { tokenizer, template }: TrainedText,
  { conversations, shards }: Pick<Datasets, 'conversations' | 'shards'>,
  split: Split = 'learned',
): RecipeSource {
  const shift = split === 'heldOut' ? recipe.evaluation.seed : 0
  const lists = new Map<DataEntry, ListedExamples<Example>>()
  let tooLong = 0
  for (const [entry, dataset] of conversations) {
    const fit = fitting(
      entry,
      recipe.batch.context,
      dataset[split],
      (turns) => [conversationExample(tokenizer, turns, template, entry.answers)],
      ([example]) => present(example, 'example'),
    )
    lists.set(entry, new ListedExamples(fit.made, split === 'heldOut' ? undefined : entry.seed))
    tooLong += fit.tooLong
  }
  const draws = new Draws(recipe, shift)
  const contents = joinedContents(conversations.values())
  const isListed = recipe.data.every((entry) => lists.has(entry))
  const size = [...lists.values()].reduce((sum, list) => sum + list.size, 0)
  return {
    tooLong,
    ...(contents === undefined ? {} : { contents }),
    ...(isListed ? { size } : {}),
    example(index) {
      // Only files ask how many came before, which takes going through all of them.
      const { entry, before } =
        lists.size > 0 ? draws.at(index) : { entry: sourceOf(recipe.data, recipe.seed + shift, index), before: 0 }
      if (entry.source === 'shards') {
        return packedExample(present(shards.get(entry.folder), 'shards'), entry.seed, split === 'heldOut', index)
      }
      if (!isGenerated(entry)) {
        const list = present(lists.get(entry), 'list')
        return list.at(list.place(before))
      }
      const seed = entry.seed + shift
      const text = documentText(entry, seed, index)
      if (text !== undefined) return documentExample(tokenizer, text)
      if (entry.source === 'shapes') return shapesExample(recipe, { tokenizer, template }, seed, index)
      return conversationExample(tokenizer, conversationOf(entry, seed, index).messages, template)
    },
  }
}

function shapesExample(
  { pictures }: Recipe,
  { tokenizer, template }: TrainedText,
  seed: number,
  index: number,
): Example {
  const { tiles } = present(pictures, 'pictures')
  const { picture, messages } = shapesConversation(seed, index)
  const [question, ...others] = messages
  const shown = { ...present(question, 'question'), pictures: [new LearnedPicture(picture, tiles)] }
  return conversationExample(tokenizer, [shown, ...others], template)
}

/** The pairs of a recipe: each of its sources in a list, and where in which of them a pair of the run is. */
export interface RecipePairs {
  readonly size: number
  /** Pairs that are left out, since not both answers begin within the context. */
  readonly tooLong: number
  readonly contents: string
  /** Which pair of all that are learned, or held out, comes at an index of the run. */
  place(index: number): number
  at(place: number): PreferencePair
}

/** The pairs of a recipe whose data are preferences, in the order in which a run takes them. @throws PocketPhiError as `recipeSource` */
export function recipePairs(
  recipe: Recipe,
  { tokenizer, template }: TrainedText,
  { preferences }: Pick<Datasets, 'preferences'>,
  split: Split = 'learned',
): RecipePairs {
  const lists = new Map<DataEntry, { readonly first: number; readonly list: ListedExamples<PreferencePair> }>()
  const answered = (prompt: Preference['prompt'], content: string): Example =>
    conversationExample(tokenizer, [...prompt, { role: 'assistant', content }], template, 'last')
  let tooLong = 0
  let size = 0
  for (const [entry, dataset] of preferences) {
    const fit = fitting(
      entry,
      recipe.batch.context,
      dataset[split],
      ({ prompt, chosen, rejected }) => [answered(prompt, chosen), answered(prompt, rejected)],
      ([chosen, rejected]) => ({ chosen: present(chosen, 'answer'), rejected: present(rejected, 'answer') }),
    )
    lists.set(entry, {
      first: size,
      list: new ListedExamples(fit.made, split === 'heldOut' ? undefined : entry.seed),
    })
    size += fit.made.length
    tooLong += fit.tooLong
  }
  const draws = new Draws(recipe, split === 'heldOut' ? recipe.evaluation.seed : 0)
  return {
    size,
    tooLong,
    contents: joinedContents(preferences.values()) ?? '',
    place(index) {
      const { entry, before } = draws.at(index)
      const { first, list } = present(lists.get(entry), 'list')
      return first + list.place(before)
    },
    at(place) {
      const { first, list } = present(
        [...lists.values()].findLast((one) => one.first <= place),
        'list',
      )
      return list.at(place - first)
    },
  }
}

/** Plain texts of the recipe's first examples of generated kinds. */
export function* recipeTexts(recipe: Recipe, count: number): Generator<string> {
  for (let index = 0; index < count; index++) {
    const entry = sourceOf(recipe.data, recipe.seed, index)
    if (isGenerated(entry)) yield plainText(entry, entry.seed, index)
  }
}
