import { expect, test } from 'vitest'
import { adapterNames, isTarget, targetModules } from './adapter.ts'

const weights = ['qkv_proj', 'o_proj'].flatMap((name) =>
  [0, 1].map((layer) => `model.layers.${layer}.self_attn.${name}.weight`),
)
const head = 'lm_head.weight'

test('targets are whole names of modules or their last parts', () => {
  const found = (...targets: readonly string[]): string[] =>
    [...weights, head].filter((name) => isTarget({ targets }, name))
  expect(found('o_proj')).toEqual([weights[2], weights[3]])
  expect(found('proj')).toEqual([])
  expect(found('self_attn.qkv_proj', 'lm_head')).toEqual([weights[0], weights[1], head])
  expect(found('model.layers.1.self_attn.o_proj')).toEqual([weights[3]])
})

test('all linear modules are those of the layers, as in PEFT without the head', () => {
  expect([...weights, head].filter((name) => isTarget({ targets: 'all-linear' }, name))).toEqual(weights)
  expect(targetModules({ targets: 'all-linear' }, [...weights, head])).toEqual(['qkv_proj', 'o_proj'])
  expect(targetModules({ targets: ['o_proj'] }, weights)).toEqual(['o_proj'])
  expect(() => targetModules({ targets: ['o_proj', 'k_proj'] }, weights)).toThrow(/"k_proj".*qkv_proj, o_proj/s)
})

test('matrices are named as in published adapters', () => {
  expect(adapterNames('model.layers.3.mlp.down_proj.weight')).toEqual({
    down: 'base_model.model.model.layers.3.mlp.down_proj.lora_A.weight',
    up: 'base_model.model.model.layers.3.mlp.down_proj.lora_B.weight',
  })
})
