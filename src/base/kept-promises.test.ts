import { expect, test } from 'vitest'
import { keptPromise } from './kept-promises.ts'

test('what is asked for twice is begun once, and once more where it failed', async () => {
  const kept = new Map<string, Promise<number>>()
  let begun = 0
  const ask = (fails: boolean): Promise<number> =>
    keptPromise(kept, 'key', () => {
      begun++
      return fails ? Promise.reject(new Error('broken')) : Promise.resolve(begun)
    })
  const [first, second] = await Promise.allSettled([ask(true), ask(true)])
  expect([first.status, second.status, begun]).toEqual(['rejected', 'rejected', 1])
  expect(await Promise.all([ask(false), ask(true)])).toEqual([2, 2])
  expect(await ask(true)).toBe(2)
})

test('a failure does not take away what has been begun since', async () => {
  const kept = new Map<string, Promise<number>>()
  const fails = Promise.withResolvers<number>()
  const first = keptPromise(kept, 'key', () => fails.promise)
  kept.set('key', Promise.resolve(7))
  fails.reject(new Error('late'))
  await expect(first).rejects.toThrow('late')
  expect(await keptPromise(kept, 'key', () => Promise.resolve(8))).toBe(7)
})
