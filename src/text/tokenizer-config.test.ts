import { expect, test } from 'vitest'
import { readTokenizerConfig } from './tokenizer-config.ts'

test('an empty configuration says nothing', () => {
  const nothing = { chatTemplate: undefined, bosToken: undefined, eosToken: undefined, addedTokens: [] }
  expect(readTokenizerConfig({})).toEqual(nothing)
  const absent = { chat_template: null, bos_token: null, eos_token: null, added_tokens_decoder: null }
  expect(readTokenizerConfig(absent)).toEqual(nothing)
})

test('tokens are strings or objects, and added tokens carry their ids', () => {
  const config = readTokenizerConfig({
    bos_token: '<s>',
    eos_token: { content: '<|end|>', rstrip: true },
    added_tokens_decoder: { 32007: { content: '<|end|>', special: true }, '-1': { content: '<x>' } },
  })
  expect(config).toMatchObject({ bosToken: '<s>', eosToken: '<|end|>' })
  expect(config.addedTokens).toHaveLength(2)
  expect(config.addedTokens).toContainEqual({ id: 32007, content: '<|end|>', special: true })
  // What is no id stays as it is, for the reader of tokens to refuse.
  expect(config.addedTokens).toContainEqual({ id: '-1', content: '<x>' })
})

test('of several templates the default one counts', () => {
  const template = (entries: unknown): string | undefined =>
    readTokenizerConfig({ chat_template: entries }).chatTemplate
  expect(template('{{ x }}')).toBe('{{ x }}')
  expect(
    template([
      { name: 'tool_use', template: 'a' },
      { name: 'default', template: 'b' },
    ]),
  ).toBe('b')
  expect(template([{ name: 'rag', template: 'a' }, 'default'])).toBeUndefined()
})

test.each([
  [[], 'top level'],
  [{ chat_template: 3 }, 'chat_template'],
  [{ chat_template: [{ name: 'default', template: 3 }] }, 'chat_template.template'],
  [{ bos_token: 1 }, 'bos_token'],
  [{ eos_token: { content: null } }, 'eos_token.content'],
  [{ added_tokens_decoder: [] }, 'added_tokens_decoder'],
  [{ added_tokens_decoder: { 5: 'x' } }, 'added_tokens_decoder.5'],
])('%j is refused, and the place is named', (json, place) => {
  expect(() => readTokenizerConfig(json)).toThrow(
    expect.objectContaining({ code: 'invalid-file', message: expect.stringContaining(place) }),
  )
})
