import { expect, test } from 'vitest'
import { fingerprint } from './fingerprint.ts'
import type { Example } from './step/batches.ts'

/** An example of this length whose ids tell its index and their place. */
const numbered =
  (lengths: readonly number[]) =>
  (index: number): Example[] => [
    { ids: Array.from({ length: lengths[index % lengths.length] ?? 1 }, (_, place) => 1000 * index + place) },
  ]

test('a fingerprint changes with an id, with what is learned, and with the place', () => {
  const source = numbered([3, 5])
  const same = fingerprint(source, 7)
  expect(fingerprint(numbered([3, 5]), 7)).toBe(same)
  const others = [
    fingerprint(source, 8),
    fingerprint(numbered([3, 6]), 7),
    fingerprint((index) => source(index).map((example) => ({ ...example, learned: [true, false, true] })), 7),
    fingerprint(source, 7, 'contents'),
  ]
  expect(new Set([same, ...others]).size).toBe(5)
})
