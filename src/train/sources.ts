import { Random } from '../base/random.ts'
import { PocketPhiError, present, type ErrorParts } from '../base/errors.ts'
import { passkeyLesson, recallDocument } from '../data/recall/index.ts'
import { shapesConversation } from '../data/shapes.ts'
import { openShards, roundOrder, tokenizerChecksum, type TokenShards } from '../data/shards/index.ts'
import { conversation, document } from '../data/world/index.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { Example, ExampleSource } from './step/batches.ts'
import { conversationExample, documentExample } from './step/examples.ts'
import { LearnedPicture } from './step/pictures.ts'
import type { Recipe } from './recipe.ts'

type DataEntry = Recipe['data'][number]

/** Whether the examples of a source are conversations, which end otherwise than documents. */
export function isConversations(source: DataEntry['source']): boolean {
  return source === 'world-conversations' || source === 'shapes'
}

/** Item `index` of a stream of documents that are made; undefined for conversations and for what is packed. */
function documentText(entry: DataEntry, seed: number, index: number): string | undefined {
  switch (entry.source) {
    case 'world-documents':
      return document(seed, index).text
    case 'recall-documents':
      return recallDocument(seed, index, entry.words)
    case 'recall-passkeys':
      return passkeyLesson(seed, index, entry.words)
    case 'world-conversations':
    case 'shapes':
    case 'shards':
      return undefined
  }
}

/** The packed shards of a recipe, by their folders. */
export type RecipeShards = ReadonlyMap<string, TokenShards>

/**
 * Opens the packed shards that a recipe learns from.
 *
 * @param tokenizerJson the text of the tokenizer of the model
 * @throws PocketPhiError `invalid-config` for shards of another tokenizer, with longer texts than the recipe's, or with nothing held out; and as
 * `openShards`
 */
export async function openRecipeShards({ data, batch }: Recipe, tokenizerJson: string): Promise<RecipeShards> {
  const opened = new Map<string, TokenShards>()
  for (const entry of data) {
    if (entry.source !== 'shards' || opened.has(entry.folder)) continue
    const shards = await openShards(entry.folder)
    opened.set(entry.folder, shards)
    const fault = shardFault(shards, batch.context, tokenizerJson)
    if (fault === undefined) continue
    closeRecipeShards(opened)
    throw new PocketPhiError('invalid-config', `The shards in "${entry.folder}" are not for this recipe.`, fault)
  }
  return opened
}

export function closeRecipeShards(shards: RecipeShards): void {
  for (const { close } of shards.values()) close()
}

function shardFault(
  { manifest, training, heldOut }: TokenShards,
  context: number,
  tokenizerJson: string,
): ErrorParts | undefined {
  if (manifest.tokenizer !== tokenizerChecksum(tokenizerJson)) {
    return {
      expected: `the ids of the tokenizer with the SHA-256 ${tokenizerChecksum(tokenizerJson)}`,
      found: `those of ${manifest.tokenizer}`,
      remedy: 'Name the same folder as "tokenizer.folder" here and as "pack.tokenizer" of the run of data.',
    }
  }
  if (manifest.longest > context) {
    return {
      expected: `texts of at most "batch.context": ${context} tokens`,
      found: `up to ${manifest.longest}, which would be cut`,
      remedy: 'Pack again with that as "pack.longest", or raise "batch.context".',
    }
  }
  if (training.count > 0 && heldOut.count > 0) return undefined
  return { expected: 'texts to learn from and texts held out', found: `${training.count} and ${heldOut.count}` }
}

/** A text of packed shards; those that are held out have no order of chance, since they are read to measure. */
function packedExample(shards: TokenShards, seed: number, isHeldOut: boolean, index: number): Example {
  const { training, heldOut } = shards
  if (isHeldOut) return { ids: heldOut.ids(index % heldOut.count) }
  return { ids: training.ids(roundOrder(seed, training.count, index)) }
}

/** The text of an example, for training a tokenizer; packed shards have their tokenizer already. */
function plainText(entry: DataEntry, seed: number, index: number): string {
  const text = documentText(entry, seed, index)
  if (text !== undefined) return text
  return (entry.source === 'shapes' ? shapesConversation : conversation)(seed, index)
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

/**
 * The recipe's text, example by example. `shift` moves every seed, for held-out text of the same kind. Example `index` of
 * the run is item `index` of the stream that it comes from, so that no item comes twice. Packed texts come round after round; where there are
 * other sources, each with the chance of its weight.
 *
 * @param shards those that the recipe names, opened
 */
export function recipeSource(
  recipe: Recipe,
  tokenizer: Tokenizer,
  shift = 0,
  shards: RecipeShards = new Map(),
): ExampleSource {
  return {
    example(index) {
      const entry = sourceOf(recipe.data, recipe.seed + shift, index)
      if (entry.source === 'shards') {
        return packedExample(present(shards.get(entry.folder), 'shards'), entry.seed, shift !== 0, index)
      }
      const seed = entry.seed + shift
      const text = documentText(entry, seed, index)
      if (text !== undefined) return documentExample(tokenizer, text)
      if (entry.source === 'shapes') return shapesExample(recipe, tokenizer, seed, index)
      return conversationExample(tokenizer, conversation(seed, index).messages)
    },
  }
}

function shapesExample({ pictures }: Recipe, tokenizer: Tokenizer, seed: number, index: number): Example {
  const { tiles } = present(pictures, 'pictures')
  const { picture, messages } = shapesConversation(seed, index)
  const [question, ...others] = messages
  const shown = { ...present(question, 'question'), pictures: [new LearnedPicture(picture, tiles)] }
  return conversationExample(tokenizer, [shown, ...others])
}

/** Plain texts of the recipe's first examples. */
export function* recipeTexts(recipe: Recipe, count: number): Generator<string> {
  for (let index = 0; index < count; index++) {
    const entry = sourceOf(recipe.data, recipe.seed, index)
    yield plainText(entry, entry.seed, index)
  }
}
