import { expect, test } from 'vitest'
import { mega, measure } from '../engine/memory-check-harness.ts'
import { memoryOf } from '../engine/memory-check.ts'
import { cacheBytesPerToken, contextsOf, memoryTable } from './info-memory.ts'

const rowsFor = async (maxPositions: number) =>
  await Promise.all(contextsOf({ maxPositions }).map((context) => memoryOf(context, measure)))

test('contexts go up to the longest of the model', () => {
  expect(contextsOf({ maxPositions: 256 })).toEqual([256])
  expect(contextsOf({ maxPositions: 4096 })).toEqual([512, 2048, 4096])
  expect(contextsOf({ maxPositions: 131_072 })).toEqual([512, 2048, 4096, 16_384, 65_536, 131_072])
})

test('a token takes what the cache grows by', async () => {
  for (const maxPositions of [100, 512, 131_072]) {
    expect(await cacheBytesPerToken({ maxPositions }, await rowsFor(maxPositions), measure)).toBe(10_000)
  }
  expect(await cacheBytesPerToken({ maxPositions: 64 }, await rowsFor(64), measure)).toBeUndefined()
})

test('the table says what fits now, what would if others made room, and what the backend refuses', async () => {
  const table = memoryTable(await rowsFor(262_144), { available: 130 * mega, total: 300 * mega }).split('\n')
  expect(table[0]).toBe('context  weights    cache  work  memory  memories  fits here')
  expect(table[2]).toBe('    512   100 MB  5.76 MB   0 B  106 MB         1  yes')
  expect(table.slice(2).map((line) => line.trim().split(/ {2,}/).at(-1))).toEqual([
    'yes',
    'yes',
    'if others make room',
    'if others make room',
    'no',
    'no: too much for the backend',
  ])
})
