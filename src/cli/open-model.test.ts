import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { findModel } from '../engine/find-model.ts'
import { defaultSampling } from '../engine/generation-config.ts'
import type { GenerateOptions } from '../engine/generate.ts'
import { loadModel } from '../engine/load-model.ts'
import { tinyFiles } from '../engine/tiny-model-harness.ts'
import { UsageError } from './errors.ts'
import { generateOptions, openDraft, openModel } from './open-model.ts'
import type { GenerationOptions } from './options.ts'

/** The options for a model with this generation_config.json. */
function optionsFor(config: object | undefined, options: GenerationOptions = {}): GenerateOptions {
  return generateOptions({ sampling: defaultSampling(config) }, options)
}

test('without a generation_config.json the most likely token is taken', () => {
  expect(optionsFor(undefined)).toEqual({ temperature: 0 })
})

test('limits of the choice count only where the model samples', () => {
  const limits = { top_k: 40, top_p: 0.9, temperature: 0.6, repetition_penalty: 1.1, eos_token_id: [32000, 32007] }
  expect(optionsFor(limits)).toEqual({ temperature: 0, repetitionPenalty: 1.1 })
  const sampling = { do_sample: true, top_p: 0.9, temperature: 0.6 }
  expect(optionsFor(sampling)).toEqual({ temperature: 0.6, topK: 50, topP: 0.9 })
})

test('options go before the file, one by one', () => {
  const options = { temperature: 0, topP: 0.5, seed: 3, maxTokens: 7, stop: ['.'] }
  expect(optionsFor({ do_sample: true, top_k: 40, temperature: 0.6 }, options)).toEqual({ ...options, topK: 40 })
})

const computing = { backend: 'ref' } as const

/** The folder of a tiny model. */
async function folderOf(config: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'phi-open-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const [name, bytes] of await tinyFiles({ config })) await writeFile(join(folder, name), bytes)
  return folder
}

test('a draft model has the context of the other as far as it takes it, and stops guessing where that ends', async () => {
  const draftFolder = await folderOf({ max_position_embeddings: 32, original_max_position_embeddings: 32 })
  await using model = await loadModel(await tinyFiles(), computing)
  await using draft = await openDraft(model, 'tiny', { ...computing, draft: draftFolder })
  expect([model.context, draft?.context]).toEqual([256, 32])
  const options = { maxTokens: 60, stopIds: [], temperature: 0 }
  const plain = await model.generate([5, 6, 7], options).result()
  const guessed = await model.generate([5, 6, 7], { ...options, ...(draft && { draft }) }).result()
  expect(guessed.ids).toEqual(plain.ids)
  expect(guessed.usage.guessedTokens).toBeGreaterThan(0)
  expect(guessed.usage.guessedTokens).toBeLessThan(32)
})

test('a draft model of another vocabulary is refused before anything else of it, with both names', async () => {
  const draftFolder = await folderOf({ vocab_size: 330 })
  await using model = await loadModel(await tinyFiles(), computing)
  await expect(openDraft(model, 'tiny', { ...computing, draft: draftFolder })).rejects.toMatchObject({
    message: expect.stringMatching(/phi-open-\S+ cannot guess for tiny: it has another vocabulary/),
    expected: '320 tokens',
    found: '330',
  })
})

test('a context beyond that of the model is called wrongly, and the limit is said to be that of the model', async () => {
  const place = await findModel(await folderOf({}))
  const opening = openModel(place, { ...computing, context: 1e6 })
  await expect(opening).rejects.toThrow(UsageError)
  await expect(opening).rejects.toThrow(/from 1 to 256, the longest that the model was made for.* Found 1000000/)
})
