import { expect, test } from 'vitest'
import { byteLevelSplitter, patternSplitter, type SplitBehavior } from './pre-tokenizer.ts'

/** The example with which the documentation of Hugging Face's tokenizers defines the behaviours. */
const defined: readonly (readonly [SplitBehavior, readonly string[]])[] = [
  ['Removed', ['the', 'final', 'countdown']],
  ['Isolated', ['the', '-', 'final', '-', '-', 'countdown']],
  ['MergedWithPrevious', ['the-', 'final-', '-', 'countdown']],
  ['MergedWithNext', ['the', '-final', '-', '-countdown']],
  ['Contiguous', ['the', '-', 'final', '--', 'countdown']],
]

test.each(defined)('%s is as defined', (behavior, spans) => {
  expect(patternSplitter(/-/gu, behavior, false)('the-final--countdown')).toEqual(spans)
})

test('inverted, the text between matches is what is matched', () => {
  const split = (behavior: SplitBehavior): readonly string[] => patternSplitter(/\d+/gu, behavior, true)('a12b3c')
  expect(split('Removed')).toEqual(['12', '3'])
  expect(split('Isolated')).toEqual(['a', '12', 'b', '3', 'c'])
  expect(split('MergedWithPrevious')).toEqual(['a', '12b', '3c'])
})

test('a match of nothing splits nothing, and an empty text has no spans', () => {
  expect(patternSplitter(/x*/gu, 'Isolated', false)('axxb')).toEqual(['a', 'xx', 'b'])
  expect(patternSplitter(/x/gu, 'Isolated', false)('')).toEqual([])
})

test('bytes are letters of GPT-2, split as GPT-2 does where asked', () => {
  expect(byteLevelSplitter(true, true)("I'll go\n ü")).toEqual(['ĠI', "'ll", 'Ġgo', 'Ċ', 'ĠÃ¼'])
  expect(byteLevelSplitter(false, true)('go  on')).toEqual(['go', 'Ġ', 'Ġon'])
  expect(byteLevelSplitter(true, false)('go on')).toEqual(['ĠgoĠon'])
  expect(byteLevelSplitter(true, false)(' go')).toEqual(['Ġgo'])
})
