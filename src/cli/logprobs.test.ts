import { expect, test } from 'vitest'
import { logprobTable } from './logprobs.ts'

const pieces = ['▁A', '"', '▁fox']
const pieceOf = (id: number): string | undefined => pieces[id]

test('the table has a head, and certainty has no sign', () => {
  const rows = [
    { id: 0, logprob: -0.0004, top: [] },
    { id: 1, logprob: -12.3456, top: [] },
  ]
  expect(logprobTable(rows, pieceOf).split('\n')).toEqual([
    '   ln p  token',
    '───────  ─────',
    '  0.000  "▁A"',
    '-12.346  "\\""',
  ])
})

test('the likeliest tokens follow the one that was drawn', () => {
  const top = [
    { id: 2, logprob: -0.1 },
    { id: 0, logprob: -3 },
  ]
  const [head, , row] = logprobTable([{ id: 0, logprob: -3, top }], pieceOf).split('\n')
  expect(head).toBe('  ln p  token  likeliest')
  expect(row).toBe('-3.000  "▁A"   "▁fox" -0.100  "▁A" -3.000')
})
