import { Random } from '../base/random.ts'
import { present } from '../base/errors.ts'
import { conversation, document } from '../data/world/index.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { ExampleSource } from './step/batches.ts'
import { conversationExample, documentExample } from './step/examples.ts'
import type { Recipe } from './recipe.ts'

/** The text of an example, for training a tokenizer. */
function plainText(source: Recipe['data'][number]['source'], seed: number, index: number): string {
  if (source === 'world-documents') return document(seed, index).text
  return conversation(seed, index)
    .messages.map(({ content }) => content)
    .join('\n')
}

/** Which of the recipe's sources example `index` comes from: drawn by weight, from the seed and the index alone. */
function sourceOf(data: Recipe['data'], seed: number, index: number): Recipe['data'][number] {
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
      const { source, seed } = sourceOf(recipe.data, recipe.seed + shift, index)
      if (source === 'world-documents') return documentExample(tokenizer, document(seed + shift, index).text)
      return conversationExample(tokenizer, conversation(seed + shift, index).messages)
    },
  }
}

/** Plain texts of the recipe's first examples. */
export function* recipeTexts(recipe: Recipe, count: number): Generator<string> {
  for (let index = 0; index < count; index++) {
    const { source, seed } = sourceOf(recipe.data, recipe.seed, index)
    yield plainText(source, seed, index)
  }
}
