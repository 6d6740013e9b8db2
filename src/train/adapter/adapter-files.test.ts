import { expect, test } from 'vitest'
import { memoryFolder } from '../../formats/tree.ts'
import { adapterConfig, adapterConfigFile, readAdapterConfig } from './adapter-files.ts'

const read = (config: string) =>
  readAdapterConfig(memoryFolder(new Map([[adapterConfigFile, new TextEncoder().encode(config)]])))

const written = adapterConfig({ rank: 4, alpha: 12, targets: 'all-linear' }, 'model', ['qkv_proj'])
const changed = (fields: object): string => JSON.stringify({ ...(JSON.parse(written) as object), ...fields })

test('what is written is read again', async () => {
  expect(await read(written)).toEqual({ rank: 4, scale: 3 })
})

test('fields that tell of the training are passed over, and rsLoRA has a scale of its own', async () => {
  const config = changed({ use_rslora: true, lora_dropout: 0.05, corda_config: null, rank_pattern: {} })
  expect(await read(config)).toEqual({ rank: 4, scale: 6 })
})

test.each([
  ['peft_type', 'IA3'],
  ['bias', 'all'],
  ['use_dora', true],
  ['fan_in_fan_out', true],
  ['modules_to_save', ['lm_head']],
  ['rank_pattern', { o_proj: 8 }],
  ['r', 0],
])('adapters are refused whose %s is %j', async (field, value) => {
  await expect(read(changed({ [field]: value }))).rejects.toMatchObject({
    code: 'not-supported',
    message: expect.stringContaining(field),
  })
})
