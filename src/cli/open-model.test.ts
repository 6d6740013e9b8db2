import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { generateOptions } from './open-model.ts'

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-open-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

const withConfig = (config: object): Promise<void> =>
  writeFile(join(folder, 'generation_config.json'), JSON.stringify(config))

test('without a generation_config.json the most likely token is taken', async () => {
  expect(await generateOptions(folder, {})).toEqual({ temperature: 0 })
})

test('limits of the choice count only where the model samples', async () => {
  await withConfig({ top_k: 40, top_p: 0.9, temperature: 0.6, repetition_penalty: 1.1, eos_token_id: [32000, 32007] })
  expect(await generateOptions(folder, {})).toEqual({ temperature: 0, repetitionPenalty: 1.1 })
  await withConfig({ do_sample: true, top_p: 0.9, temperature: 0.6 })
  expect(await generateOptions(folder, {})).toEqual({ temperature: 0.6, topK: 50, topP: 0.9 })
})

test('options go before the file, one by one', async () => {
  await withConfig({ do_sample: true, top_k: 40, temperature: 0.6 })
  const options = { temperature: 0, topP: 0.5, seed: 3, maxTokens: 7, stop: ['.'] }
  expect(await generateOptions(folder, options)).toEqual({ ...options, topK: 40 })
})
