import { Random } from '../base/random.ts'
import { present } from '../base/errors.ts'
import { passkeyLesson, recallDocument } from '../data/recall/index.ts'
import { shapesConversation } from '../data/shapes.ts'
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

/** Item `index` of a stream of documents; undefined for streams of conversations. */
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
      return undefined
  }
}

/** The text of an example, for training a tokenizer. */
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
 * the run is item `index` of the stream that it comes from, so that no item comes twice.
 */
export function recipeSource(recipe: Recipe, tokenizer: Tokenizer, shift = 0): ExampleSource {
  return {
    example(index) {
      const entry = sourceOf(recipe.data, recipe.seed + shift, index)
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
