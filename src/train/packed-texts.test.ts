import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { manifestFile, tokenizerChecksum, writeShard, type ShardManifest } from '../data/shards/index.ts'
import { tinyTokenizerJson } from '../engine/tiny-model-harness.ts'
import { writeFolderAtomic } from '../formats/atomic.ts'
import { builtinTemplate } from '../text/templates.ts'
import { loadTokenizerJson } from '../text/tokenizer-json.ts'
import { closeRecipeShards, openRecipeShards } from './packed-texts.ts'
import { parseRecipe } from './recipe.ts'
import { recipeSource } from './sources.ts'

const tokenizer = loadTokenizerJson(JSON.parse(JSON.stringify(tinyTokenizerJson)))
const text = { tokenizer, template: builtinTemplate('phi-3-mini') }

describe('packed shards', () => {
  let folder = ''
  beforeAll(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'phi-packed-')), 'shards')
    await writeFolderAtomic(folder, async (into) => {
      const training = Array.from({ length: 40 }, (_, index) => Uint32Array.from([index, 1]))
      const sets = {
        training: [await writeShard(into, 'training', training)],
        heldOut: [await writeShard(into, 'held-out', [Uint32Array.from([100, 1]), Uint32Array.from([101, 1])])],
      }
      const manifest: ShardManifest = { format: 1, tokenizer: tokenizerChecksum('{}'), longest: 32, sets }
      await into.writeFile(manifestFile, JSON.stringify(manifest))
    })
  })
  afterAll(() => rm(join(folder, '..'), { recursive: true }))

  const recipe = (entries: string, context = 64, tokenizerField = '{ folder: unused }') =>
    parseRecipe(`
name: packed
description: For tests.
seed: 3
model: { vocab_size: 320 }
tokenizer: ${tokenizerField}
data: [${entries}]
batch: { rows: 64, context: ${context} }
optimizer: {}
schedule: { peak: 0.01, warmupSteps: 1, steps: 2, decay: constant }
checkpoint: { everySteps: 1 }
evaluation: { everySteps: 1, batches: 1, seed: 500 }
`)
  const packed = (): string => `{ source: shards, folder: '${folder}', weight: 1, seed: 7 }`

  test('come once a round, and others are held out', async () => {
    const one = recipe(packed())
    const shards = await openRecipeShards(one, '{}')
    const source = recipeSource(one, text, { conversations: new Map(), shards })
    const firstIds = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => source.example(from + index).ids[0] ?? -1)
    const all = Array.from({ length: 40 }, (_, index) => index)
    for (const round of [0, 40, 80]) expect(firstIds(round, 40).toSorted((a, b) => a - b)).toEqual(all)
    expect(firstIds(40, 40)).not.toEqual(firstIds(0, 40))
    const heldOut = recipeSource(one, text, { conversations: new Map(), shards }, 'heldOut')
    expect([0, 1, 2].map((index) => heldOut.example(index).ids)).toEqual([
      [100, 1],
      [101, 1],
      [100, 1],
    ])
    closeRecipeShards(shards)
  })

  test('mix with text that is made', async () => {
    const one = recipe(`${packed()}, { source: world-documents, weight: 1, seed: 11 }`)
    const shards = await openRecipeShards(one, '{}')
    const source = recipeSource(one, text, { conversations: new Map(), shards })
    const kinds = Array.from({ length: 200 }, (_, index) => source.example(index).ids.length === 2)
    // Half of 200; the standard deviation is 7.
    expect(Math.abs(kinds.filter(Boolean).length - 100)).toBeLessThan(25)
    closeRecipeShards(shards)
  })

  test.each([
    ['of another tokenizer', 64, '{"a":1}', /are not for this recipe.*SHA-256/s],
    ['with texts that would be cut', 16, '{}', /at most "batch\.context": 16.*up to 32/s],
  ])('%s are refused', async (_, context, json, message) => {
    await expect(openRecipeShards(recipe(packed(), context), json)).rejects.toThrow(message)
  })

  test('need the tokenizer that they were made with', () => {
    const train = '{ train: { vocabulary: 320, examples: 10 } }'
    expect(() => recipe(packed(), 64, train)).toThrow(/tokenizer\.folder: must be given for packed shards/)
  })
})
