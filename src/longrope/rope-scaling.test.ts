import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { tinyConfig } from '../engine/tiny-model-harness.ts'
import { modelFromConfig } from '../models/index.ts'
import { longPlan, shortPlan } from './plans.ts'
import {
  extended,
  extensionOf,
  frequenciesOf,
  trainedFrequencies,
  trainedLength,
  type ConfigJson,
} from './rope-scaling.ts'

function published(name: string): ConfigJson {
  const url = new URL(`../../tests/fixtures/configs/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(url, 'utf8')) as ConfigJson
}

const ones = [1, 1, 1, 1]
const long = [1, 1.5, 3, 8]

describe('rope_scaling', () => {
  test('comes back from a configuration as it was written', () => {
    const extension = { trained: 256, length: 2048, shortFactors: ones, longFactors: long }
    const config = extended(tinyConfig(), extension)
    expect(config).toMatchObject({
      max_position_embeddings: 2048,
      original_max_position_embeddings: 256,
      rope_scaling: { type: 'longrope', short_factor: ones, long_factor: long },
    })
    expect(extensionOf(JSON.parse(JSON.stringify(config)) as ConfigJson)).toEqual(extension)
    const scaled = { ...extension, scales: { short: 1, long: 1.25 } }
    expect(extensionOf(extended(tinyConfig(), scaled))).toEqual(scaled)
  })

  test('makes the model turn as its factors say, beyond the border', () => {
    const config = extended(tinyConfig(), { trained: 256, length: 2048, shortFactors: ones, longFactors: long })
    expect(modelFromConfig(config).shape).toMatchObject({ maxPositions: 2048, ropeBorder: 256 })
    const trained = trainedFrequencies(config)
    expect(trained).toEqual(trainedFrequencies(tinyConfig()))
    const frequencies = [...frequenciesOf(config)]
    expect(frequencies.slice(0, 4)).toEqual(trained)
    frequencies.slice(4).forEach((frequency, pair) => {
      expect(frequency * (long[pair] ?? 0)).toBeCloseTo(trained[pair] ?? 0, 12)
    })
  })

  test.each(['phi-3-mini-128k', 'phi-3.5-mini', 'phi-3-vision', 'phi-3.5-moe', 'phi-4-mini'])(
    'of a published model is written as it was published: %s',
    (name) => {
      const config = published(name)
      const extension = extensionOf(config)
      if (extension === undefined) return expect.fail('no factors')
      const again = extended(config, extension)
      expect(extensionOf(again)).toEqual(extension)
      expect(frequenciesOf(again)).toEqual(frequenciesOf(config))
      const { type: _, rope_type: __, ...scaling } = config['rope_scaling'] as Record<string, unknown>
      expect(again['rope_scaling']).toEqual({ type: 'longrope', ...scaling })
    },
  )

  test('counts a window as what was learned, and lifts it', () => {
    const config = published('phi-3-mini-4k')
    expect(trainedLength(config)).toBe(2047)
    const pairs = trainedFrequencies(config).map(() => 1)
    const wider = extended(config, { trained: 2047, length: 16_384, shortFactors: pairs, longFactors: pairs })
    expect(wider['sliding_window']).toBeNull()
    expect(trainedLength(wider)).toBe(2047)
  })
})

describe('plans', () => {
  test('of longer texts begin with other methods, and with the factors that are there', () => {
    const first = longPlan(tinyConfig(), { length: 1024 })
    expect(first.seeds.map(({ name }) => name)).toEqual(['PI', 'NTK', 'YaRN'])
    expect(first.space).toEqual({ most: 5, startTokens: [0] })
    expect(first.scale).toBeCloseTo(Math.sqrt(1 + Math.log(4) / Math.log(256)), 12)
    const second = longPlan(first.configOf(long), { length: 2048 })
    expect(second.seeds.slice(3)).toEqual([
      { name: 'before', factors: long },
      { name: 'before, rescaled', factors: long.map((factor) => 1 + ((factor - 1) * 7) / 3) },
    ])
  })

  test('keep short texts as they were only if that is asked for', () => {
    const scaling = (keepShort: boolean): unknown =>
      longPlan(tinyConfig(), { length: 1024, keepShort }).configOf(long)['rope_scaling']
    expect(scaling(false)).not.toHaveProperty('short_mscale')
    expect(scaling(true)).toMatchObject({ short_mscale: 1, long_mscale: Math.sqrt(1.25) })
    const other = longPlan(tinyConfig(), { length: 1024, longScale: 1.1 })
    expect(other.scale).toBe(1.1)
    expect(other.configOf(long)['rope_scaling']).toMatchObject({ short_mscale: 1, long_mscale: 1.1 })
  })

  test('of short texts change the short factors alone', () => {
    const config = extended(tinyConfig(), { trained: 256, length: 2048, shortFactors: ones, longFactors: long })
    const plan = shortPlan(config, 2)
    expect(plan.length).toBe(256)
    expect(plan.space.most).toBe(2)
    expect(plan.configOf([1, 1, 1.5, 2])['rope_scaling']).toMatchObject({
      short_factor: [1, 1, 1.5, 2],
      long_factor: long,
    })
  })

  test('refuse what makes no sense', () => {
    expect(() => longPlan(tinyConfig(), { length: 256 })).toThrow(/need not be extended.*above the 256/s)
    expect(() => shortPlan(tinyConfig(), 2)).toThrow(/nothing to readjust/)
  })
})
