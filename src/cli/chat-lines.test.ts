import { array, assert, constantFrom, property, string } from 'fast-check'
import { expect, test } from 'vitest'
import { oneLine } from './chat-lines.ts'

function written(pieces: readonly string[]): string {
  let line = ''
  const write = oneLine((text) => (line += text))
  for (const piece of pieces) write(piece)
  return line
}

test('line breaks become one space, and white space around the answer goes', () => {
  expect(written(['\n Two\n\n', ' and', ' two', '\r\nare four.', '\n', ' '])).toBe('Two and two are four.')
})

test('what is held back at the end of a piece comes with the next', () => {
  const seen: string[] = []
  const write = oneLine((text) => seen.push(text))
  for (const piece of ['a ', ' ', 'b']) write(piece)
  expect(seen).toEqual(['a', '  b'])
})

test('however the text is cut, it is one trimmed line', () => {
  const text = string({ unit: constantFrom('a', 'b', ' ', '\n', '\r', '\u2028', '\v', '\t') })
  assert(
    property(array(text), (pieces) => {
      const line = written(pieces)
      expect(line).not.toMatch(/[\n\r\v\f\u2028\u2029]/)
      expect(line).toBe(line.trim())
      expect(line).toBe(written([pieces.join('')]))
      expect(line.replaceAll(/\s/g, '')).toBe(pieces.join('').replaceAll(/\s/g, ''))
    }),
  )
})
