import { Random } from '../base/random.ts'
import { present } from '../base/errors.ts'
import { conversation, document } from '../data/world/index.ts'
import { special, type Text } from '../text/text.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { Example, ExampleSource } from './batches.ts'
import type { Recipe } from './recipe.ts'

/** One turn of a conversation, as every chat template knows it. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** Ends a document. */
export const endOfText = special('<|endoftext|>')
/** Ends what one side of a conversation says. */
export const endOfTurn = special('<|end|>')

/** A text that is learned whole, with the token that ends it. */
export function documentExample(tokenizer: Tokenizer, text: string): Example {
  return { ids: tokenizer.encode([text, endOfText]) }
}

/**
 * A conversation in Phi-3-mini's template, of which the assistant's words and the tokens that end its turns are learned.
 * Turns are encoded one by one, which gives the ids of the whole: control tokens separate them. The line breaks around
 * the words belong to the template: most tokenizers of this family swallow them, and where one does not, they are seen
 * but not learned.
 */
export function conversationExample(tokenizer: Tokenizer, messages: readonly Message[]): Example {
  const ids: number[] = []
  const learned: boolean[] = []
  const end = tokenizer.idOf(endOfTurn.content)
  for (const { role, content } of messages) {
    const options = { addBos: ids.length === 0 }
    const header: Text = [special(`<|${role}|>`), '\n']
    const turn = tokenizer.encode([special(`<|${role}|>`), `\n${content}`, endOfTurn, '\n'], options)
    const first = tokenizer.encode(header, options).length
    const last = end === undefined ? turn.length : turn.lastIndexOf(end)
    turn.forEach((id, index) => {
      ids.push(id)
      learned.push(role === 'assistant' && index >= first && index <= last)
    })
  }
  return { ids, learned }
}

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
