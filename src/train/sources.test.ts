import { describe, expect, test } from 'vitest'
import { conversation, document, worldKinds } from '../data/world/index.ts'
import { tinyTokenizerJson } from '../engine/tiny-model-harness.ts'
import { loadTokenizerJson } from '../text/tokenizer-json.ts'
import { parseRecipe } from './recipe.ts'
import { builtinTemplate } from '../text/templates.ts'
import { recipeSource, recipeTexts, type Split } from './sources.ts'
import { conversationExample, documentExample } from './step/examples.ts'

const tokenizer = loadTokenizerJson(JSON.parse(JSON.stringify(tinyTokenizerJson)))
const text = { tokenizer, template: builtinTemplate('phi-3-mini') }
const noFiles = { conversations: new Map(), shards: new Map() }

describe("a recipe's source", () => {
  const recipe = (weights: readonly [number, number], seed = 3) =>
    parseRecipe(`
name: source
description: For tests.
seed: ${seed}
model: { vocab_size: 320 }
tokenizer: { folder: unused }
data:
  - { source: world-documents, weight: ${weights[0]}, seed: 11 }
  - { source: world-conversations, weight: ${weights[1]}, seed: 12 }
batch: { rows: 64, context: 64 }
optimizer: {}
schedule: { peak: 0.01, warmupSteps: 1, steps: 2, decay: constant }
checkpoint: { everySteps: 1 }
evaluation: { everySteps: 1, batches: 1, seed: 500 }
`)

  test('gives the item of that index of a stream, of either kind by its weight', () => {
    const source = recipeSource(recipe([1, 3]), text, noFiles)
    let documents = 0
    for (let index = 0; index < 400; index++) {
      const example = source.example(index)
      const isDocument = example.learned === undefined
      documents += isDocument ? 1 : 0
      if (index % 20 !== 0) continue
      const expected = isDocument
        ? documentExample(tokenizer, document(11, index).text)
        : conversationExample(tokenizer, conversation(12, index).messages)
      expect(example).toEqual(expected)
    }
    // A quarter of 400; the standard deviation is 8.7.
    expect(documents).toBeGreaterThan(65)
    expect(documents).toBeLessThan(135)
  })

  test('draws the kinds of the world as it is told', () => {
    const all = recipe([1, 1])
    const mixture = Object.fromEntries(worldKinds.map(({ name }) => [name, Number(name === 'causes')]))
    const causes = { ...all, data: all.data.map((entry) => ({ ...entry, mixture })) } as typeof all
    const source = recipeSource(causes, text, noFiles)
    for (let index = 0; index < 20; index++) {
      const example = source.example(index)
      const [asDocument, asConversation] = [document(11, index, { mixture }), conversation(12, index, { mixture })]
      expect([asDocument.kind, asConversation.kind]).toEqual(['causes', 'causes'])
      const expected =
        example.learned === undefined
          ? documentExample(tokenizer, asDocument.text)
          : conversationExample(tokenizer, asConversation.messages)
      expect(example).toEqual(expected)
    }
  })

  test('is the same in any order, and another for another seed', () => {
    const forwards = [0, 1, 2, 3, 4, 5].map((index) => recipeSource(recipe([1, 1]), text, noFiles).example(index))
    const source = recipeSource(recipe([1, 1]), text, noFiles)
    const backwards = [5, 4, 3, 2, 1, 0].map((index) => source.example(index)).toReversed()
    expect(backwards).toEqual(forwards)
    const kinds = (seed: number): boolean[] =>
      Array.from({ length: 40 }, (_, index) => {
        return recipeSource(recipe([1, 1], seed), text, noFiles).example(index).learned === undefined
      })
    expect(kinds(4)).not.toEqual(kinds(3))
  })

  test('held out, has other texts at every index', () => {
    const texts = (split: Split): Set<string> => {
      const source = recipeSource(recipe([1, 1]), text, noFiles, split)
      return new Set(Array.from({ length: 30 }, (_, index) => JSON.stringify(source.example(index).ids)))
    }
    const shared = [...texts('heldOut')].filter((one) => texts('learned').has(one))
    expect(shared.length).toBeLessThanOrEqual(1)
  })

  test('gives the plain texts of the same items for training a tokenizer', () => {
    const one = recipe([1, 1])
    const source = recipeSource(one, text, noFiles)
    ;[...recipeTexts(one, 10)].forEach((plain, index) => {
      const isDocument = source.example(index).learned === undefined
      const lines = conversation(12, index).messages.map(({ content }) => content)
      expect(plain).toBe(isDocument ? document(11, index).text : lines.join('\n'))
    })
  })
})
