import { expect, test } from 'vitest'
import { matcher } from './quantize.ts'

const names = [
  'model.embed_tokens.weight',
  'model.layers.0.mlp.down_proj.weight',
  'model.layers.10.mlp.down_proj.weight',
]

test('a pattern is a part of the name, and * stands for anything', () => {
  expect(names.filter(matcher(['embed_tokens'], names))).toEqual([names[0]])
  expect(names.filter(matcher(['layers.*.down_proj'], names))).toEqual(names.slice(1))
  expect(names.filter(matcher(['embed', 'layers.10.'], names))).toEqual([names[0], names[2]])
  expect(names.filter(matcher([], names))).toEqual([])
})

test('a dot is a dot', () => {
  expect(() => matcher(['layersX0'], names)).toThrow('is in no name')
  expect(() => matcher(['layers.0.mlp', 'model.embed.tokens'], names)).toThrow('model.embed.tokens')
})
