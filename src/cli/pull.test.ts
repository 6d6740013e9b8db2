import { expect, test } from 'vitest'
import { hubName } from './pull.ts'

test('a name that is none lists the short ones, and says which is near', () => {
  expect(() => hubName('nosuch', {})).toThrow(/ORG\/NAME.*\n.*phi-3-mini, .*phi-4.*Check the name/s)
  expect(() => hubName('phi-3-mni', {})).toThrow(/Did you mean phi-3-mini\?/)
})

test('the address of a page is the name of its model', () => {
  const name = 'https://huggingface.co/microsoft/phi-4'
  expect(hubName(name, { file: 'x.gguf' })).toEqual({ repository: 'microsoft/phi-4', file: 'x.gguf' })
})
