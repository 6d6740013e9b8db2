import { describe, expect, test } from 'vitest'
import labelFile from './labels/main-text-pages.json' with { type: 'json' }
import { blockAgreement, wordAgreement, type LabelledPage } from './main-text-labels.ts'

const page: LabelledPage = {
  name: 'page.html',
  kind: 'article',
  html: '',
  blocks: [
    { text: 'Home', label: 'other' },
    { text: 'The title of it', label: 'either' },
    { text: 'A first paragraph of the text', label: 'main' },
    { text: 'Then', label: 'main' },
    { text: 'and a second paragraph of it', label: 'main' },
    { text: 'Other pages that could be read', label: 'other' },
  ],
}

describe('agreement with labels', () => {
  const all = page.blocks.map(({ text }) => text).join('\n')

  test('is perfect of what is main, with or without what may be', () => {
    const main = 'A first  paragraph of the text\n- Then\nand a second\nparagraph of it'
    for (const found of [main, `The title of it\n${main}`]) {
      expect(blockAgreement(page, found)).toEqual({ precision: 1, recall: 1, f1: 1 })
    }
    expect(wordAgreement(page, `The title of it\n${main}`)).toEqual({ precision: 1, recall: 1, f1: 1 })
  })

  test('counts what is too much and what is missing', () => {
    expect(blockAgreement(page, all)).toEqual({ precision: 3 / 5, recall: 1, f1: 6 / 8 })
    // 13 words of the main text, 7 of the rest.
    expect(wordAgreement(page, all)).toEqual({ precision: 13 / 20, recall: 1, f1: 26 / 33 })
    expect(blockAgreement(page, 'A first paragraph of the text')).toEqual({ precision: 1, recall: 1 / 3, f1: 2 / 4 })
    expect(wordAgreement(page, '')).toEqual({ precision: 1, recall: 0, f1: 0 })
  })

  test('takes no short text for found that only occurs within another', () => {
    expect(blockAgreement(page, 'Homeward, and Then gone')).toMatchObject({ precision: 1, recall: 0 })
  })
})

test('40 pages are labelled, each text of a page once', () => {
  expect(new Set(labelFile.pages.map(({ sha256 }) => sha256)).size).toBe(40)
  for (const { sha256, main, either } of labelFile.pages) {
    expect(sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(main.length).toBeGreaterThan(0)
    expect(new Set([...main, ...either]).size).toBe(main.length + either.length)
  }
})
