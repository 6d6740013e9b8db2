import { describe, expect, test } from 'vitest'
import { fewestPasskeyWords, passkey, passkeyLesson, recallDocument } from './index.ts'

/** Words, and marks, which are tokens of their own. */
const count = (text: string): number => text.split(/\s+/).length + (text.match(/\./g)?.length ?? 0)
const sentences = (text: string): string[] => text.split(/(?<=\.) /)

/** How often each word at this place of a sentence comes, the most frequent first. */
function frequencies(text: string, place: number): number[] {
  const counts = new Map<string, number>()
  for (const sentence of sentences(text)) {
    const word = sentence.split(' ')[place] ?? ''
    counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return [...counts.values()].toSorted((left, right) => right - left)
}

describe('texts to recall from', () => {
  test('favour some words, each document its own', () => {
    const text = recallDocument(1, 2, 40_000)
    expect(count(text)).toBe(40_000)
    const [first = 0, second = 0, third = 0] = frequencies(text, 0)
    expect(first / second).toBeCloseTo(2 ** 1.7, 0)
    expect(first / third).toBeCloseTo(3 ** 1.7, 0)
    const favourite = (index: number): string | undefined =>
      sentences(recallDocument(1, index, 400))
        .map((sentence) => sentence.split(' ')[0] ?? '')
        .toSorted()
        .at(50)
    expect(new Set([1, 2, 3, 4, 5].map(favourite)).size).toBeGreaterThan(2)
  })

  test('depend on seed, index and length alone, and begin alike in any length', () => {
    expect(recallDocument(1, 2, 100)).toBe(recallDocument(1, 2, 100))
    expect(recallDocument(1, 2, 400).startsWith(recallDocument(1, 2, 100))).toBe(true)
    const others = [recallDocument(1, 3, 100), recallDocument(2, 2, 100)]
    expect(others).not.toContain(recallDocument(1, 2, 100))
  })

  test('have a passkey once, where it was asked for, and a question at the end', () => {
    for (const depth of [0, 0.5, 1]) {
      const { prompt, answer } = passkey(3, 4, { words: 200, depth })
      expect(count(`${prompt} ${answer}.`)).toBe(200)
      const parts = sentences(prompt)
      expect(parts.at(-1)).toBe('Key')
      const places = parts.flatMap((sentence, place) => (sentence === `Key ${answer}.` ? [place] : []))
      expect(places).toEqual([Math.round(depth * (parts.length - 2))])
      for (const word of answer.split(' ')) expect(prompt.split(word)).toHaveLength(2)
    }
    expect(() => passkey(1, 1, { words: fewestPasskeyWords - 1 })).toThrow(/no room for a passkey/)
  })

  test('tell a key again and again where finding it is learned', () => {
    let repeated = 0
    for (let index = 0; index < 20; index++) {
      const text = passkeyLesson(3, index, 100)
      expect(count(text)).toBe(100)
      const keys = sentences(text).filter((sentence) => sentence.startsWith('Key '))
      expect(new Set(keys).size).toBe(1)
      expect(keys.length).toBeGreaterThanOrEqual(2)
      expect(sentences(text).at(-1)).toBe(keys[0])
      repeated += keys.length - 2
    }
    expect(repeated).toBeGreaterThan(20)
  })
})
