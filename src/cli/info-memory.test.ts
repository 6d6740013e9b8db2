import { expect, test } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { mega, measure } from './memory-check-harness.ts'
import { memoryOf } from './memory-check.ts'
import { cacheBytesPerToken, contextsOf, expertLines, expertMemory, memoryTable } from './info-memory.ts'

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

test('of a mixture it is said up to which context it runs where experts are read when they are chosen', async () => {
  // As `measure` has it, and experts of 1 GB, of which 20 MB are enough.
  const total = 1000 * mega
  const measureMixture: Parameters<typeof expertMemory>[3] = async ({ context = 0, expertCache, memoryLimit = 0 }) => {
    const plan = await measure(context)
    const held = expertCache === undefined ? memoryLimit - plan.total : 20 * mega
    if (held < 20 * mega) throw new PocketPhiError('out-of-memory', 'Too much.')
    return { ...plan, total: plan.total + held, experts: { total, held } }
  }
  const linesFor = async (available: number): Promise<string[]> => {
    const memory = await expertMemory({ maxPositions: 16_384 }, 4096, available, measureMixture)
    return memory === undefined ? [] : expertLines(memory)
  }
  const enough =
    'Experts are 1.00 GB of the weights. Read from the file as they are chosen, the model takes 162 MB or more with 4096 tokens.'
  expect(await linesFor(122 * mega)).toEqual([enough, 'So it runs here with up to 128 tokens.'])
  expect(await linesFor(121 * mega)).toEqual([enough, 'What is free has no room for that, whatever the context.'])
  expect(await linesFor(200 * mega)).toEqual([
    enough,
    'So it runs here with up to 7936 tokens; with 4096 there is room for 58.4 MB of them.',
  ])
})
