import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { elementCount } from '../base/dtype.ts'
import { modelFromConfig, modelParameters } from './index.ts'
import { publishedRepositories } from './published-repositories.ts'
import { publishedConfig, publishedNames } from './published.ts'

/** The published counts (Phi-3 Technical Report and model cards), computed from the shapes of the state dictionaries. */
const parameters: Readonly<Record<string, number>> = {
  'phi-3-mini': 3_821_079_552,
  'phi-3-mini-4k': 3_821_079_552,
  'phi-3-mini-128k': 3_821_079_552,
  'phi-3.5-mini': 3_821_079_552,
  // Of the tower all but its last layer and its last norm, which nothing reads: 12,598,272 less than in the checkpoints.
  'phi-3-vision': 4_134_023_168,
  'phi-3.5-vision': 4_134_023_168,
  'phi-3-medium': 13_960_238_080,
  'phi-3-medium-4k': 13_960_238_080,
  'phi-3-small': 7_392_272_384,
  'phi-3-small-8k': 7_392_272_384,
  'phi-3.5-moe': 41_873_153_344,
  'phi-4': 14_659_507_200,
  'phi-4-mini': 3_836_021_760,
}

function fixture(name: string): Record<string, unknown> {
  const file = new URL(`../../tests/fixtures/configs/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
}

/** Fields of the files that say where they came from or how they were run, and nothing about the model. */
function withoutOrigin(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { _name_or_path: _, auto_map: __, transformers_version: ___, _attn_implementation: ____, ...rest } = config
  return rest
}

describe('publishedConfig', () => {
  it('is a model with the published number of parameters, for every name', () => {
    const counts = publishedNames.map((name) => {
      const tensors = modelParameters(modelFromConfig(publishedConfig(name)))
      return [name, tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0)]
    })
    expect(Object.fromEntries(counts)).toEqual(parameters)
  })

  it.each([
    'phi-3-mini-4k',
    'phi-3-mini-128k',
    'phi-3.5-mini',
    'phi-3-vision',
    'phi-3.5-vision',
    'phi-3-medium-4k',
    'phi-3-small-8k',
    'phi-3.5-moe',
    'phi-4',
  ])('has every field of the published file: %s', (name) => {
    expect(publishedConfig(name)).toEqual(withoutOrigin(fixture(name)))
  })

  it('has the factors that Phi-4-mini was published with', () => {
    // The fixture of that name has the factors of Phi-3-mini-128k in their place.
    const { rope_scaling: _, ...rest } = withoutOrigin(fixture('phi-4-mini'))
    const { rope_scaling: scaling, ...found } = publishedConfig('phi-4-mini')
    expect(found).toEqual(rest)
    const { long_factor: long, short_factor: short } = scaling as Record<string, number[]>
    expect(short).toEqual(Array.from({ length: 48 }, () => 1))
    expect(long).toHaveLength(48)
    expect([long?.[1], long?.[30], long?.at(-1)]).toEqual([1.118320672, 28.64115884, 47.77])
  })

  it('names those that there are when it knows none', () => {
    expect(() => publishedConfig('phi-5')).toThrow(
      expect.objectContaining({ code: 'not-found', message: expect.stringContaining('phi-3.5-mini') }),
    )
  })
})

describe('publishedRepositories', () => {
  it('has a name on the hub for every short name, also without a configuration', () => {
    expect([...publishedRepositories.keys()].sort()).toEqual(
      [...publishedNames, 'phi-3-medium-128k', 'phi-3-small-128k'].sort(),
    )
    expect(publishedRepositories.get('phi-3-mini')).toBe('microsoft/Phi-3-mini-4k-instruct')
    expect(publishedRepositories.get('phi-4')).toBe('microsoft/phi-4')
  })
})
