import { expect, test } from 'vitest'
import { defaultSampling } from '../engine/generation-config.ts'
import type { GenerateOptions } from '../engine/generate.ts'
import { generateOptions } from './open-model.ts'
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
