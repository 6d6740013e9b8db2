import { expect, test } from 'vitest'
import { splitText } from './split.ts'

const words = (count: number, first = 'word'): string =>
  Array.from({ length: count }, (_, index) => `${first}${index}`).join(' ')

test('paragraphs stand together as long as a passage may be, and headings part them', () => {
  const text = `before\n\n# One\n${words(150)}\n\n${words(40)}\n\n${words(40)}\n## Two ##\nlast`
  expect(splitText(text)).toEqual([
    { heading: '', text: 'before' },
    { heading: 'One', text: `${words(150)}\n${words(40)}` },
    { heading: 'One', text: words(40) },
    { heading: 'Two', text: 'last' },
  ])
})

test('a long paragraph is cut between sentences, a long sentence between words, and nothing is lost', () => {
  const sentences = Array.from({ length: 12 }, (_, index) => `${words(30, `S${index}w`)}.`)
  const parts = splitText(sentences.join(' '))
  expect(parts.map(({ text }) => text.split(/\s+/).length)).toEqual([180, 180])
  expect(parts.map(({ text }) => text.replaceAll('\n', ' ')).join(' ')).toBe(sentences.join(' '))
  const endless = words(500)
  const pieces = splitText(endless).map(({ text }) => text)
  expect(pieces.join('\n').replaceAll('\n', ' ')).toBe(endless)
  expect(pieces.length).toBeGreaterThan(2)
})

test('characters of scripts without spaces count, and a text without any white space ends', () => {
  const sentence = `${'东西'.repeat(50)}。`
  const parts = splitText(sentence.repeat(12))
  expect(parts.length).toBeGreaterThan(3)
  expect(parts.map(({ text }) => text.replaceAll('\n', '')).join('')).toBe(sentence.repeat(12))
  expect(
    splitText('x'.repeat(5000))
      .map(({ text }) => text)
      .join(''),
  ).toHaveLength(5000)
  expect(splitText(' \n\n \t\n')).toEqual([])
})
