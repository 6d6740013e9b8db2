/** Mutants of config.json. */
import type { Random } from '../../src/base/random.ts'
import { memoryFolder } from '../../src/formats/tree.ts'
import { modelFromConfig } from '../../src/models/index.ts'
import { parsePhi3Config, type Phi3Config } from '../../src/models/phi3.ts'
import { publishedConfig, publishedNames } from '../../src/models/published.ts'
import { traceSequences } from '../../src/models/trace.ts'
import { mustHold, type FuzzFormat } from './format.ts'
import { mutateTimes, oddNumbers, oddTexts, oddValue, textBytes, writeJson } from './json.ts'

type Fields = Record<string, unknown>

const tiny: Fields = {
  ...{ model_type: 'phi3', hidden_act: 'silu', vocab_size: 64, hidden_size: 32, intermediate_size: 48 },
  ...{ num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, rms_norm_eps: 1e-5, rope_theta: 10000 },
  ...{ max_position_embeddings: 256, original_max_position_embeddings: 64, sliding_window: 32, eos_token_id: [1, 2] },
  rope_scaling: { type: 'longrope', short_factor: [1, 1, 1, 1], long_factor: [1, 2, 3, 4] },
  tie_word_embeddings: true,
}

const extents = [
  ...['vocab_size', 'hidden_size', 'intermediate_size', 'num_hidden_layers', 'num_attention_heads', 'head_dim'],
  ...['num_key_value_heads', 'max_position_embeddings', 'original_max_position_embeddings', 'sliding_window'],
]
const keys = [
  ...[...extents, 'partial_rotary_factor', 'rope_theta', 'rms_norm_eps', 'rope_scaling', 'short_factor', 'long_factor'],
  ...['short_mscale', 'long_mscale', 'type', 'rope_type', 'attention_bias', 'model_type', 'eos_token_id', ...oddTexts],
]

/** A field with another value of its kind, or a list of factors of another length. */
function mutateMeaning(random: Random, config: Fields): void {
  switch (random.integer(0, 9)) {
    case 0:
    case 1:
    case 2:
      config[random.pick(extents)] = random.pick([1, 2, 3, 4, 8, 16, 32, 64, 128, ...oddNumbers])
      break
    case 3:
      config[random.pick(['rope_theta', 'rms_norm_eps', 'partial_rotary_factor'])] = random.pick([
        ...[0.25, 0.5, 0.75, 1, 1e6, ...oddNumbers],
      ])
      break
    case 4: {
      const factors = (): unknown[] =>
        Array.from({ length: random.integer(0, 6) }, () => random.pick([1, 1.5, 2, ...oddNumbers]))
      const type = random.pick(['longrope', 'su', 'yarn', 'linear'])
      config['rope_scaling'] = { type, short_factor: factors(), long_factor: factors() }
      break
    }
    case 5:
      if (typeof config['rope_scaling'] === 'object' && config['rope_scaling'] !== null) {
        const field = random.pick(['short_mscale', 'long_mscale', 'type', 'rope_type', 'factor', 'short_factor'])
        config['rope_scaling'] = { ...config['rope_scaling'], [field]: oddValue(random) }
      }
      break
    case 6:
      delete config[random.pick(Object.keys(config))]
      break
    case 7:
      config[random.pick(['eos_token_id', 'bos_token_id', 'pad_token_id'])] = random.pick([
        [],
        [0, 1],
        null,
        ...oddNumbers,
      ])
      break
    default:
      config[random.pick(['tie_word_embeddings', 'attention_bias', 'use_cache', 'mlp_bias'])] = oddValue(random)
  }
}

/** The rules of a configuration that is accepted, told again. */
function checkConfig(config: Phi3Config): void {
  const whole = [
    'vocabulary',
    'hidden',
    'intermediate',
    'layers',
    'heads',
    'kvHeads',
    'headSize',
    'maxPositions',
  ] as const
  for (const field of whole) mustHold(Number.isSafeInteger(config[field]) && config[field] > 0, `a positive ${field}`)
  mustHold(config.heads % config.kvHeads === 0, 'heads in groups')
  mustHold(config.originalPositions <= config.maxPositions, 'an original context within the context')
  mustHold(config.normEpsilon > 0 && config.rope.theta > 0 && config.window >= 0, 'positive numbers')
  const { rotaryDimensions, longRope } = config.rope
  mustHold(rotaryDimensions % 2 === 0 && rotaryDimensions > 0 && rotaryDimensions <= config.headSize, 'rotated pairs')
  if (longRope === undefined) return
  for (const factors of [longRope.shortFactors, longRope.longFactors]) {
    mustHold(factors.length === rotaryDimensions / 2 && factors.every((factor) => factor > 0), 'a factor for each pair')
  }
  mustHold(longRope.shortScale > 0 && longRope.longScale > 0, 'positive scales')
}

/** A trace takes memory for every layer, so that their number must be bounded by more than the file's word. */
const mostLayers = 1024

/** Past the header: a JSON object with the `model_type` that is built. */
export const configFormat: FuzzFormat = {
  name: 'config.json',
  share: 150,
  mutate(random) {
    const config: Fields = { ...(random.integer(0, 3) === 0 ? publishedConfig(random.pick(publishedNames)) : tiny) }
    for (let round = random.integer(0, 4); round > 0; round--) mutateMeaning(random, config)
    const changed = mutateTimes(random, config, keys, random.integer(0, 8) === 0 ? random.integer(1, 3) : 0)
    return textBytes(random, writeJson(changed))
  },
  async load(bytes, passed) {
    const json = await memoryFolder(new Map([['config.json', bytes]])).readJson('config.json')
    if ((json as Fields | null)?.['model_type'] === 'phi3') passed()
    const model = modelFromConfig(json)
    checkConfig(parsePhi3Config(json))
    mustHold(model.shape.layers <= mostLayers, 'no more layers than a trace can hold')
    const { logits, parameters } = traceSequences(model, 'parameters', 1)
    mustHold(logits.type.shape.at(-1) === model.shape.vocabulary, 'logits for the vocabulary')
    for (const { shape } of parameters)
      mustHold(
        shape.every((extent) => Number.isSafeInteger(extent)),
        'shapes',
      )
  },
}
