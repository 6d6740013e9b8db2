import { describe, expect, test } from 'vitest'
import { inLanes } from './lanes.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('work in lanes', () => {
  test('is begun in order, so many at a time, and all of it is done', async () => {
    const begun: number[] = []
    let [now, most, done] = [0, 0, 0]
    const items = Array.from({ length: 10 }, (_, index) => index)
    await inLanes(items, 3, async (item) => {
      begun.push(item)
      most = Math.max(most, ++now)
      await turn()
      now--
      done++
    })
    expect([begun, most, done]).toEqual([items, 3, 10])
  })

  test('ends after a failure: the others are told and waited for, and the first failure is thrown', async () => {
    const ended: number[] = []
    const work = async (item: number, signal: AbortSignal): Promise<void> => {
      await turn()
      if (item === 1) throw new Error('first')
      while (!signal.aborted) await turn()
      ended.push(item)
      throw new Error('because of the first')
    }
    await expect(inLanes([0, 1, 2, 3, 4], 3, work)).rejects.toThrow('first')
    expect(new Set(ended)).toEqual(new Set([0, 2]))
  })

  test('begins nothing once the signal has fired', async () => {
    const controller = new AbortController()
    const begun: number[] = []
    const work = async (item: number): Promise<void> => {
      begun.push(item)
      if (item === 2) controller.abort()
      await turn()
    }
    await inLanes([0, 1, 2, 3, 4], 1, work, controller.signal)
    expect(begun).toEqual([0, 1, 2])
  })
})
