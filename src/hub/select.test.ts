import { expect, test } from 'vitest'
import { missingParts, selectFiles } from './select.ts'

const phi3mini = [
  '.gitattributes',
  'CODE_OF_CONDUCT.md',
  'LICENSE',
  'README.md',
  'added_tokens.json',
  'config.json',
  'configuration_phi3.py',
  'generation_config.json',
  'model-00001-of-00002.safetensors',
  'model-00002-of-00002.safetensors',
  'model.safetensors.index.json',
  'modeling_phi3.py',
  'sample_finetune.py',
  'special_tokens_map.json',
  'tokenizer.json',
  'tokenizer.model',
  'tokenizer_config.json',
]

test('of a published checkpoint the configuration, the tokenizer and the weights are taken, and no programs', () => {
  expect(selectFiles(phi3mini).sort()).toEqual([
    'LICENSE',
    'added_tokens.json',
    'config.json',
    'generation_config.json',
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
    'model.safetensors.index.json',
    'special_tokens_map.json',
    'tokenizer.json',
    'tokenizer.model',
    'tokenizer_config.json',
  ])
})

test('copies in other layouts, and what lies in folders, are left', () => {
  const names = [
    'config.json',
    'model.safetensors',
    'consolidated.safetensors',
    'original/params.json',
    'onnx/model.onnx',
  ]
  expect(selectFiles(names)).toEqual(['config.json', 'model.safetensors'])
  expect(selectFiles(['adapter.safetensors', 'config.json'])).toEqual(['config.json', 'adapter.safetensors'])
})

test('the chat template and the vocabulary of Phi-3-small belong to the model', () => {
  const names = ['chat_template.jinja', 'cl100k_base.tiktoken', 'config.json', 'model.safetensors']
  expect(selectFiles(names).sort()).toEqual(names)
})

test('where there is one GGUF file and nothing else, it is the model, with all its parts', () => {
  expect(selectFiles(['README.md', 'phi-q4.gguf', 'mmproj-phi.gguf'])).toEqual(['phi-q4.gguf'])
  const parts = ['phi-00001-of-00002.gguf', 'phi-00002-of-00002.gguf']
  expect(selectFiles(['README.md', ...parts])).toEqual(parts)
})

test('of several GGUF files one has to be chosen, and the error lists them', () => {
  const names = ['phi-q4.gguf', 'phi-fp16.gguf', 'config.json']
  expect(() => selectFiles(names)).toThrow(/phi-q4\.gguf\nphi-fp16\.gguf.*--file/s)
  expect(selectFiles(names, { file: 'phi-fp16.gguf' })).toEqual(['phi-fp16.gguf'])
})

test('the end of its name chooses a GGUF file, in any case and never within a word', () => {
  const split = ['Q8_0/phi-Q8_0-00001-of-00002.gguf', 'Q8_0/phi-Q8_0-00002-of-00002.gguf']
  const names = [
    'config.json',
    'phi-Q4_K_M.gguf',
    'phi-IQ4_K_M.gguf',
    'phi.q4.gguf',
    'other-q4.gguf',
    'q5.gguf',
    ...split,
  ]
  expect(selectFiles(names, { file: 'q4_k_m' })).toEqual(['phi-Q4_K_M.gguf'])
  expect(selectFiles(names, { file: 'Q5' })).toEqual(['q5.gguf'])
  expect(selectFiles(names, { file: 'q8_0' })).toEqual(split)
  expect(() => selectFiles(names, { file: 'Q4' })).toThrow(/several.*phi\.q4\.gguf\nother-q4\.gguf/s)
  expect(() => selectFiles(names, { file: 'json' })).toThrow(/no file "json"/)
  expect(() => selectFiles(names, { file: '4_k_m' })).toThrow(/no file "4_k_m"/)
})

test('one part of a split file brings the others', () => {
  const names = [
    'a/x-00001-of-00002.gguf',
    'a/x-00002-of-00002.gguf',
    'a/y-00001-of-00002.gguf',
    'x-00001-of-00002.gguf',
  ]
  expect(selectFiles(names, { file: 'a/x-00002-of-00002.gguf' })).toEqual(names.slice(0, 2))
})

test('safetensors are taken before GGUF', () => {
  expect(selectFiles(['config.json', 'phi.gguf', 'model.safetensors'])).toEqual(['config.json', 'model.safetensors'])
})

test('patterns stand for whole names, across folders, and nothing else in them is special', () => {
  const names = ['a.json', 'b/a.json', 'axjson', 'a+(1).json', 'b/c/d.txt']
  expect(selectFiles(names, { include: ['*.json'] })).toEqual(['a.json', 'b/a.json', 'a+(1).json'])
  expect(selectFiles(names, { include: ['?.json', 'b/c/'] })).toEqual(['a.json', 'b/c/d.txt'])
  expect(selectFiles(names, { include: ['a+(1).json'] })).toEqual(['a+(1).json'])
})

test('what is not there is an error that says what is', () => {
  expect(() => selectFiles(['a.bin'], { file: 'b.gguf' })).toThrow(/no file "b\.gguf".*a\.bin/s)
  expect(() => selectFiles(['a.bin'], { include: ['a.*', '*.gguf'] })).toThrow(/matches "\*\.gguf".*a\.bin/s)
  expect(() => selectFiles(['pytorch_model.bin'])).toThrow(/no weights.*pytorch_model\.bin/s)
  expect(() => selectFiles([])).toThrow(/no files/)
  const many = Array.from({ length: 100 }, (_, index) => `file${index}.bin`)
  expect(() => selectFiles(many)).toThrow(/and 80 more/)
})

test('parts that numbers promise are missed', () => {
  expect(missingParts(phi3mini)).toEqual([])
  expect(missingParts(['config.json', 'model-00001-of-00003.safetensors', 'model-00003-of-00003.safetensors'])).toEqual(
    ['model-00002-of-00003.safetensors'],
  )
  expect(missingParts(['x-00001-of-99999.gguf']).length).toBeLessThan(1000)
})
