import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inFolder } from '../../tests/training-harness.ts'
import { tinyTokenizerJson } from '../engine/tiny-model-harness.ts'
import { builtinTemplate } from '../text/templates.ts'
import { loadTokenizerJson } from '../text/tokenizer-json.ts'
import { readDatasets, Shuffled } from './datasets.ts'
import { checkedRecipe, type Recipe } from './recipe.ts'
import { preference } from '../data/world/index.ts'
import { recipePairs, recipeSource } from './sources.ts'

const tokenizer = loadTokenizerJson(JSON.parse(JSON.stringify(tinyTokenizerJson)))
const text = { tokenizer, template: builtinTemplate('phi-3-mini') }

function recipeOf(data: readonly object[], others: object = {}): Recipe {
  return checkedRecipe({
    name: 'files',
    description: 'For tests.',
    seed: 3,
    model: { vocab_size: 320 },
    tokenizer: { folder: 'unused' },
    data,
    batch: { rows: 64, context: 32 },
    optimizer: {},
    schedule: { peak: 0.01, warmupSteps: 1, steps: 2, decay: 'constant' },
    checkpoint: { everySteps: 1 },
    evaluation: { everySteps: 1, batches: 1, seed: 500 },
    ...others,
  })
}

/** A file with so many different conversations. */
function writeConversations(folder: string, count: number, name = 'chat.jsonl'): string {
  const lines = Array.from({ length: count }, (_, index) =>
    JSON.stringify({ instruction: `${name} ${index}`, output: `answer ${index}` }),
  )
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`)
  return join(folder, name)
}

/** The ids of examples, as text that tells them apart. */
const keys = (examples: readonly { readonly ids: readonly number[] }[]): string[] =>
  examples.map(({ ids }) => ids.join(' '))

describe('conversations of a file', () => {
  test('come each once in a pass, in an order of its own, and what is held out never', async () => {
    await inFolder(async (folder) => {
      const file = writeConversations(folder, 20)
      const recipe = recipeOf([{ source: 'conversations', file, weight: 1, seed: 4, heldOut: 0.2 }])
      const datasets = await readDatasets(recipe, '{}')
      const source = recipeSource(recipe, text, datasets)
      const passes = [0, 1].map((pass) =>
        keys(Array.from({ length: 16 }, (_, index) => source.example(16 * pass + index))),
      )
      expect(source.size).toBe(16)
      expect(new Set(passes[0]).size).toBe(16)
      expect(passes[1]?.toSorted()).toEqual(passes[0]?.toSorted())
      expect(passes[1]).not.toEqual(passes[0])
      const heldOut = recipeSource(recipe, text, datasets, 'heldOut')
      expect(heldOut.size).toBe(4)
      const others = keys([0, 1, 2, 3].map((index) => heldOut.example(index)))
      expect(new Set([...others, ...(passes[0] ?? [])]).size).toBe(20)
    })
  })

  test('are all learned before one comes again, however sources are mixed', async () => {
    await inFolder(async (folder) => {
      const file = writeConversations(folder, 10)
      const recipe = recipeOf([
        { source: 'world-documents', weight: 3, seed: 1 },
        { source: 'conversations', file, weight: 1, seed: 4, heldOut: 0.1 },
      ])
      const source = recipeSource(recipe, text, await readDatasets(recipe, '{}'))
      const found: string[] = []
      for (let index = 0; found.length < 18; index++) {
        const example = source.example(index)
        if (example.learned !== undefined) found.push(...keys([example]))
      }
      expect(new Set(found.slice(0, 9)).size).toBe(9)
      expect(found.slice(9).toSorted()).toEqual(found.slice(0, 9).toSorted())
      // Asked backwards, it is the same.
      const again = recipeSource(recipe, text, await readDatasets(recipe, '{}'))
      expect(again.example(30)).toEqual(source.example(30))
      expect(again.example(2)).toEqual(source.example(2))
      expect(source.size).toBe(undefined)
    })
  })

  test('equal ones are on one side, and one that changes is noticed', async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'twice.jsonl')
      const line = (index: number): string => JSON.stringify({ instruction: `q ${index % 6}`, output: 'yes' })
      writeFileSync(file, Array.from({ length: 12 }, (_, index) => line(index)).join('\n'))
      const recipe = recipeOf([{ source: 'conversations', file, weight: 1, seed: 4, heldOut: 0.3 }])
      const before = await readDatasets(recipe, '{}')
      const [dataset] = before.conversations.values()
      expect(dataset?.heldOut.length).toBe(4)
      const learned = new Set(dataset?.learned.map((turns) => JSON.stringify(turns)))
      expect(dataset?.heldOut.some((turns) => learned.has(JSON.stringify(turns)))).toBe(false)
      writeFileSync(file, Array.from({ length: 12 }, (_, index) => line(index + (index === 11 ? 2 : 0))).join('\n'))
      const contents = (datasets: typeof before): string | undefined => recipeSource(recipe, text, datasets).contents
      expect(contents(await readDatasets(recipe, '{}'))).not.toBe(contents(before))
    })
  })

  test('have one learned and one held out where there are two, whatever the share', async () => {
    await inFolder(async (folder) => {
      const file = writeConversations(folder, 2)
      for (const heldOut of [0.01, 0.9]) {
        const recipe = recipeOf([{ source: 'conversations', file, weight: 1, seed: 4, heldOut }])
        const [dataset] = (await readDatasets(recipe, '{}')).conversations.values()
        expect([dataset?.learned.length, dataset?.heldOut.length]).toEqual([1, 1])
      }
    })
  })

  test.each([
    [1, 'one line'],
    [2, '2 lines, all of them equal'],
  ])('are refused where none of %i would be learned', async (count, found) => {
    await inFolder(async (folder) => {
      const file = join(folder, 'same.jsonl')
      writeFileSync(file, `${JSON.stringify({ instruction: 'q', output: 'yes' })}\n`.repeat(count))
      const recipe = recipeOf([{ source: 'conversations', file, weight: 1, seed: 4 }])
      await expect(readDatasets(recipe, '{}')).rejects.toMatchObject({
        code: 'invalid-config',
        problem: `Nothing would be learned of "${file}": all of it would be held out.`,
        found,
        remedy: expect.stringContaining('Add another'),
      })
    })
  })

  test('teach the last answer alone where that is asked for', async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'chat.jsonl')
      const talk = (index: number) =>
        ['bad', 'hello', 'good'].flatMap((content, turn) => [
          { role: 'user' as const, content: `question ${index} ${turn}` },
          { role: 'assistant' as const, content },
        ])
      writeFileSync(file, [0, 1, 2].map((index) => `${JSON.stringify({ messages: talk(index) })}\n`).join(''))
      const learnedOf = async (answers: object): Promise<string> => {
        const entry = { source: 'conversations', file, weight: 1, seed: 4, ...answers }
        const recipe = recipeOf([entry], { batch: { rows: 256, context: 256 } })
        const { ids, learned } = recipeSource(recipe, text, await readDatasets(recipe, '{}')).example(0)
        return text.tokenizer.decode(ids.filter((_, index) => learned?.[index]))
      }
      expect(await learnedOf({})).toMatch(/bad.*hello.*good/)
      expect(await learnedOf({ answers: 'all' })).toBe(await learnedOf({}))
      expect(await learnedOf({ answers: 'last' })).toBe('good<|end|>')
    })
  })

  test('of which nothing would be left are refused', async () => {
    await inFolder(async (folder) => {
      const file = writeConversations(folder, 1)
      const recipe = recipeOf([{ source: 'conversations', file, weight: 1, seed: 4 }])
      await expect(readDatasets(recipe, '{}')).rejects.toMatchObject({ code: 'invalid-config' })
    })
  })
})

test('pairs of two files have places of their own, and end with what was answered', async () => {
  await inFolder(async (folder) => {
    const data = ['first', 'second'].map((name) => {
      const file = join(folder, `${name}.jsonl`)
      const lines = [0, 1, 2, 3].map((index) =>
        JSON.stringify({ prompt: `${name} ${index}`, chosen: 'the good one', rejected: 'no' }),
      )
      writeFileSync(file, lines.join('\n'))
      return { source: 'preferences', file, weight: 1, seed: 2, heldOut: 0.25 }
    })
    const recipe = recipeOf(data, { objective: { kind: 'dpo' }, initial: 'unused' })
    const pairs = recipePairs(recipe, text, await readDatasets(recipe, '{}'))
    expect(pairs.size).toBe(6)
    const places = Array.from({ length: 40 }, (_, index) => pairs.place(index))
    expect(new Set(places)).toEqual(new Set([0, 1, 2, 3, 4, 5]))
    const learned = ({ ids, learned: flags }: { ids: readonly number[]; learned?: readonly boolean[] }): string =>
      tokenizer.decode(ids.filter((_, index) => flags?.[index] === true))
    for (let place = 0; place < 6; place++) {
      const { chosen, rejected } = pairs.at(place)
      expect([learned(chosen), learned(rejected)]).toEqual(['the good one<|end|>', 'no<|end|>'])
      expect(tokenizer.decode(chosen.ids)).toContain(place < 3 ? 'first' : 'second')
    }
  })
})

test('pairs of the world are made by their seed, and those that are held out by another', async () => {
  const entry = { source: 'world-preferences', weight: 1, seed: 2, pairs: 30, mixture: { reading: 0 } }
  const recipe = recipeOf([entry], { objective: { kind: 'dpo' }, initial: 'unused' })
  const datasets = await readDatasets(recipe, '{}')
  const [learned, heldOut] = (['learned', 'heldOut'] as const).map((split) =>
    recipePairs(recipe, text, datasets, split),
  )
  expect([(learned?.size ?? 0) + (learned?.tooLong ?? 0), (heldOut?.size ?? 0) + (heldOut?.tooLong ?? 0)]).toEqual([
    30, 2,
  ])
  const { mixture, seed } = entry
  const [dataset] = datasets.preferences.values()
  expect(dataset?.learned[7]).toEqual(preference(seed, 7, { mixture }))
  expect(dataset?.heldOut[1]).toEqual(preference(seed + recipe.evaluation.seed, 1, { mixture }))
  const other = recipeOf([{ ...entry, seed: 3 }], { objective: { kind: 'dpo' }, initial: 'unused' })
  expect([...(await readDatasets(other, '{}')).preferences.values()][0]?.contents).not.toBe(dataset?.contents)
})

test('an order is that of its seed and its pass', () => {
  const numbers = (seed: number, from: number): number[] => {
    const order = new Shuffled(7, seed)
    return Array.from({ length: 7 }, (_, index) => order.at(from + index))
  }
  expect(new Set(numbers(1, 0))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]))
  expect(new Set(numbers(1, 7))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]))
  expect(numbers(1, 0)).toEqual(numbers(1, 0))
  expect(numbers(2, 0)).not.toEqual(numbers(1, 0))
  expect(numbers(1, 7)).not.toEqual(numbers(1, 0))
})
