import { assert, asyncProperty, integer } from 'fast-check'
import { expect, test } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { cacheBytesPerToken, contextsOf, largestContext, memoryOf, memoryTable } from './info-memory.ts'

const mega = 1_000_000

/** 100 MB of weights, and a cache of 10 kB a token in whole pages and one more; more than 2 GB is refused. */
async function measure(context: number) {
  const states = (Math.ceil(context / 64) + 1) * 64 * 10_000
  const total = 100 * mega + states
  if (total > 2000 * mega) throw new PocketPhiError('out-of-memory', 'Too much.')
  return { parameters: 100 * mega, states, scratch: 0, total }
}

const rowsFor = async (maxPositions: number) =>
  await Promise.all(contextsOf({ maxPositions }).map((context) => memoryOf(context, measure)))

test('contexts go up to the longest of the model', () => {
  expect(contextsOf({ maxPositions: 256 })).toEqual([256])
  expect(contextsOf({ maxPositions: 4096 })).toEqual([512, 2048, 4096])
  expect(contextsOf({ maxPositions: 131_072 })).toEqual([512, 2048, 4096, 16_384, 65_536, 131_072])
})

test('what the backend refuses is a row; any other error is one', async () => {
  expect(await memoryOf(1_000_000, measure)).toEqual({ context: 1_000_000, plan: undefined, refusal: 'Too much.' })
  const slabs = (): Promise<never> => Promise.reject(new PocketPhiError('not-supported', 'Too many slabs.'))
  expect(await memoryOf(512, slabs)).toMatchObject({ refusal: 'Too many slabs.' })
  const broken = (): Promise<never> => Promise.reject(new PocketPhiError('invalid-file', 'Torn.'))
  await expect(memoryOf(512, broken)).rejects.toThrow('Torn.')
})

test('a token takes what the cache grows by', async () => {
  for (const maxPositions of [100, 512, 131_072]) {
    expect(await cacheBytesPerToken({ maxPositions }, await rowsFor(maxPositions), measure)).toBe(10_000)
  }
  expect(await cacheBytesPerToken({ maxPositions: 64 }, await rowsFor(64), measure)).toBeUndefined()
})

test('the largest context that fits is found to the page', async () => {
  await assert(
    asyncProperty(
      integer({ min: 1, max: 200_000 }),
      integer({ min: 0, max: 2500 }),
      async (maxPositions, megabytes) => {
        const bytes = Math.min(megabytes, 2000) * mega
        const pages = Math.floor((bytes - 100 * mega) / 640_000) - 1
        const expected = pages < 1 ? undefined : Math.min(maxPositions, pages * 64)
        for (const known of [await rowsFor(maxPositions), []]) {
          expect(await largestContext({ maxPositions }, megabytes * mega, known, measure)).toBe(expected)
        }
      },
    ),
  )
})

test('the table says what fits now, what would if others made room, and what the backend refuses', async () => {
  const table = memoryTable(await rowsFor(262_144), { available: 130 * mega, total: 300 * mega }).split('\n')
  expect(table[0]).toBe('context  weights    cache  work  memory  fits here')
  expect(table[2]).toBe('    512   100 MB  5.76 MB   0 B  106 MB  yes')
  expect(table.slice(2).map((line) => line.trim().split(/ {2,}/).at(-1))).toEqual([
    'yes',
    'yes',
    'if others make room',
    'if others make room',
    'no',
    'no: too much for the backend',
  ])
})
