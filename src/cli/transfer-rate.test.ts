import { expect, test } from 'vitest'
import { TransferRate } from './transfer-rate.ts'

function rateOf(...samples: readonly (readonly [time: number, bytes: number])[]): TransferRate {
  const rate = new TransferRate()
  for (const [time, bytes] of samples) rate.add(time, bytes)
  return rate
}

test('the rate is bytes per second, and the time left follows from it', () => {
  const rate = rateOf([0, 1000], [500, 2000], [1000, 3000])
  expect(rate.rate).toBe(2000)
  expect(rate.secondsLeft(13_000)).toBe(5)
})

test('what was there before the download does not make it faster', () => {
  expect(rateOf([0, 5_000_000], [1000, 5_000_100]).rate).toBe(100)
})

test('only the last seconds count', () => {
  const rate = new TransferRate()
  for (let second = 0; second <= 60; second++)
    rate.add(second * 1000, second < 30 ? second * 10 : 300 + (second - 30) * 1000)
  expect(rate.rate).toBe(1000)
})

test('nothing is said too early, while nothing comes, or right after starting over', () => {
  expect(rateOf([0, 0], [100, 1e6]).rate).toBeUndefined()
  expect(rateOf([0, 7], [1000, 7]).secondsLeft(100)).toBeUndefined()
  expect(rateOf([0, 0], [1000, 500], [1001, 0]).rate).toBeUndefined()
})

test('many samples in a short time cost no precision', () => {
  const rate = new TransferRate()
  for (let time = 0; time <= 4000; time++) rate.add(time, time * 3)
  expect(rate.rate).toBeCloseTo(3000, 6)
})
