import { expect, test } from 'vitest'
import { nearestNames } from './nearest.ts'

const names = ['phi-nano', 'phi-3-mini', 'phi-3-medium', 'phi-4', 'microsoft/Phi-3-mini-4k-instruct']

test.each([
  ['phi-nno', ['phi-nano']],
  ['PHI-4', ['phi-4']],
  ['hpi-4', ['phi-4']],
  ['phi-3-mni', ['phi-3-mini']],
  ['phi-3-', ['phi-3-mini', 'phi-3-medium', 'microsoft/Phi-3-mini-4k-instruct']],
  ['phi-3-mini-4k-instruct', ['microsoft/Phi-3-mini-4k-instruct']],
  ['microsoft/phi-3-mini-4k-intsruct', ['microsoft/Phi-3-mini-4k-instruct']],
  ['llama', []],
  ['', []],
])('near to %j is %j', (typed, nearest) => {
  expect(nearestNames(typed, names)).toEqual(nearest)
})

test('a name is given once, and not more than so many', () => {
  expect(nearestNames('aaa', ['aab', 'aac', 'aab', 'aad'], 2)).toEqual(['aab', 'aac'])
})
