import { expect, test } from 'vitest'
import { pairsWin } from './loops.ts'

/** A loop that is optimised after so many milliseconds. */
interface Loop {
  readonly before: number
  readonly after: number
  readonly optimisedAt: number
}

/** @returns whether pairs win, by a clock that every measurement moves by half a millisecond, and when that was known */
function choose(four: Loop, pairs: Loop): { readonly pairs: boolean; readonly time: number } {
  let time = 0
  const speedOf =
    ({ before, after, optimisedAt }: Loop) =>
    (): number => {
      time += 0.5
      return time < optimisedAt ? before : after
    }
  const win = pairsWin(speedOf(four), speedOf(pairs), () => time)
  return { pairs: win, time }
}

const slowFours = { before: 170, after: 245, optimisedAt: 2 }
const fastFours = { before: 170, after: 1900, optimisedAt: 2 }
const pairs = { before: 170, after: 1000, optimisedAt: 2 }

test('pairs win where they are half again as fast', () => {
  expect(choose(slowFours, pairs).pairs).toBe(true)
  expect(choose(fastFours, pairs).pairs).toBe(false)
  expect(choose({ ...fastFours, after: 700 }, pairs).pairs).toBe(false)
})

test('it is known soon, and in the end', () => {
  expect(choose(slowFours, pairs).time).toBeLessThan(15)
  expect(choose({ ...fastFours, after: 1000 }, pairs)).toMatchObject({ pairs: false, time: 50 })
})

test('a loop that is optimised later than the other is waited for', () => {
  expect(choose({ ...fastFours, optimisedAt: 5 }, pairs).pairs).toBe(false)
  expect(choose(slowFours, { ...pairs, optimisedAt: 5 }).pairs).toBe(true)
})
