import { expect, test } from 'vitest'
import { formatHubName, parseHubName } from './names.ts'

const aliases = new Map([['phi-3-mini', 'microsoft/Phi-3-mini-4k-instruct']])

test.each([
  ['org/model', { repository: 'org/model' }],
  ['org/model@v1', { repository: 'org/model', revision: 'v1' }],
  ['org/model@refs/pr/1', { repository: 'org/model', revision: 'refs/pr/1' }],
  ['org/model:Q4_K_M', { repository: 'org/model', file: 'Q4_K_M' }],
  ['org/model@v1:a folder/x@2.gguf', { repository: 'org/model', revision: 'v1', file: 'a folder/x@2.gguf' }],
  ['https://huggingface.co/org/model', { repository: 'org/model' }],
  ['https://hf.co/org/model/tree/v1/', { repository: 'org/model', revision: 'v1' }],
  ['phi-3-mini@v1', { repository: 'microsoft/Phi-3-mini-4k-instruct', revision: 'v1' }],
])('%s is a name of the hub', (text, parts) => {
  expect(parseHubName(text, aliases)).toEqual(parts)
  expect(parseHubName(formatHubName(parts))).toEqual(parts)
})

test.each([
  '',
  'model',
  '/org/model',
  './model',
  '../model',
  'org/model/',
  'a/b/c',
  'org\\model',
  'C:\\models\\phi',
  'org/model@',
  'org/model:',
  'what is it?',
  'https://huggingface.co/org',
  'https://huggingface.co/org/model/blob/main/config.json',
  'https://example.org/org/model',
  'phi-3-mini',
])('%j is none', (text) => {
  expect(parseHubName(text)).toBeUndefined()
})
