import { expect, test } from 'vitest'
import { plainWords } from './spelling.ts'

test.each([
  ['  The sources — do NOT say.\n', 'the sources do not say'],
  ['Straße 12/b, été!', 'straße 12 b été'],
  ['…', ''],
])('%j', (text, expected) => expect(plainWords(text)).toBe(expected))
