import { expect, test } from 'vitest'
import { splitText } from './split.ts'

const words = (count: number, first = 'word'): string =>
  Array.from({ length: count }, (_, index) => `${first}${index}`).join(' ')

/** What no passage may exceed. */
function expectBounds(text: string): void {
  for (const { text: part } of splitText(text)) expect(part.length).toBeLessThanOrEqual(1600)
}

test('paragraphs stand together as long as a passage may be, and headings part them', () => {
  const text = `before\n\n# One\n${words(150)}\n\n${words(40)}\n\n${words(40)}\n## Two ##\nlast\n### About C#\nend`
  expect(splitText(text, { markdown: true })).toEqual([
    { heading: '', text: 'before' },
    { heading: 'One', text: `${words(150)}\n${words(40)}` },
    { heading: 'One', text: words(40) },
    { heading: 'Two', text: 'last' },
    { heading: 'About C#', text: 'end' },
  ])
})

test('comments in blocks of code are no headings, nor is anything in plain text', () => {
  const code = 'Do this:\n```sh\n# install it\nnpm ci\n```\n\n# Then\nmore'
  expect(splitText(code, { markdown: true })).toEqual([
    { heading: '', text: 'Do this:\n```sh\n# install it\nnpm ci\n```' },
    { heading: 'Then', text: 'more' },
  ])
  expect(splitText('# a remark\nwords')).toEqual([{ heading: '', text: '# a remark\nwords' }])
})

test('a long paragraph is cut between sentences, a long sentence between words, and nothing is lost', () => {
  const sentences = Array.from({ length: 12 }, (_, index) => `${words(30, `S${index}`)}.`)
  const parts = splitText(sentences.join(' '))
  expect(parts.map(({ text }) => text.split(/\s+/).length)).toEqual([180, 180])
  expect(parts.map(({ text }) => text.replaceAll('\n', ' ')).join(' ')).toBe(sentences.join(' '))
  const endless = words(500)
  const pieces = splitText(endless).map(({ text }) => text)
  expect(pieces.join('\n').replaceAll('\n', ' ')).toBe(endless)
  expect(Math.max(...pieces.map((piece) => piece.split(/\s+/).length))).toBeLessThanOrEqual(200)
})

test('scripts without spaces, and texts without any, are cut as well, at no half of a character', () => {
  for (const unit of ['东西', 'ខ្មែរ', 'ลาว', 'x', '😀']) {
    const text = unit.repeat(3000)
    const parts = splitText(text).map((part) => part.text)
    expect(parts.join('').replaceAll('\n', '')).toBe(text)
    expect(parts.every((part) => part.isWellFormed())).toBe(true)
    expectBounds(text)
  }
  expect(splitText('东'.repeat(2000)).every(({ text }) => text.length <= 400)).toBe(true)
  expectBounds(`picture: data:image/png;base64,${'A'.repeat(100_000)} end`)
  expect(splitText(' \n\n \t\n')).toEqual([])
})

test('hostile lines take no longer than others', () => {
  const hostile = [
    `# ${' '.repeat(200_000)}x\u2028y`,
    '#'.repeat(200_000),
    `${'\n '.repeat(100_000)}x`,
    '# '.repeat(100_000),
  ]
  for (const text of hostile) expectBounds(text)
})
