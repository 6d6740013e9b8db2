import { expect, test } from 'vitest'
import { ExpertCache } from './expert-cache.ts'
import { poolExperts } from './expert-pools.ts'
import type { Mixture } from '../../program/mixtures.ts'

/** What a read has been asked for, and how it ends. */
interface Read {
  readonly name: string
  readonly into: Uint8Array
  resolve(): void
  reject(error: unknown): void
}

/** A cache of one pool with so many slots, and the reads that it has begun. */
function cacheOf(slots: number): { cache: ExpertCache; reads: Read[] } {
  const reads: Read[] = []
  const matrices = new Map([...'abcdef'].map((name) => [name, 64]))
  const source = {
    read: (name: string, into: Uint8Array) =>
      new Promise<void>((resolve, reject) => reads.push({ name, into, resolve, reject })),
    close: () => Promise.resolve(),
  }
  const pool = { name: 'experts.0', slots, slotBytes: 128, matrices }
  return { cache: new ExpertCache([pool], [{ buffer: new ArrayBuffer(1024), address: 256 }], source), reads }
}

/** Ends the next read and lets the cache notice. */
async function endRead(cache: ExpertCache, reads: Read[]): Promise<string | undefined> {
  const read = reads.shift()
  read?.resolve()
  await cache.arrival()
  return read?.name
}

/** Wants matrices and uses them in turn, each as soon as it is there; gives those that were read. */
async function pass(cache: ExpertCache, reads: Read[], names: string): Promise<string> {
  const waiting = new Set(names)
  let read = ''
  cache.want(0, [...names], undefined)
  while (waiting.size > 0) {
    const there = [...waiting].filter((name) => cache.addressOf(name) !== undefined)
    if (there.length === 0) {
      // Where all slots are kept for what is there, asking makes room.
      const arrival = cache.arrival()
      const next = reads.shift()
      read += next?.name ?? ''
      next?.resolve()
      await arrival
    }
    for (const name of there) {
      cache.used(name)
      waiting.delete(name)
    }
  }
  await cache.settle()
  return read
}

test('what is there is not read again, and what was used least recently gives way', async () => {
  const { cache, reads } = cacheOf(3)
  expect(await pass(cache, reads, 'abc')).toBe('abc')
  expect(await pass(cache, reads, 'b')).toBe('')
  expect(await pass(cache, reads, 'd')).toBe('d')
  expect(await pass(cache, reads, 'bcd')).toBe('')
  expect(await pass(cache, reads, 'a')).toBe('a')
  expect(await pass(cache, reads, 'cd')).toBe('')
  expect(cache.counters).toMatchObject({ hits: 6, reads: 5, bytesRead: 5 * 64 })
})

test('of more than there is room for, what is there is used before it gives way', async () => {
  const { cache, reads } = cacheOf(3)
  expect(await pass(cache, reads, 'abcdef')).toBe('abcdef')
  expect(await pass(cache, reads, 'abcdef')).toBe('abc')
  expect(await pass(cache, reads, 'abcdef')).toBe('def')
  expect(cache.counters).toMatchObject({ hits: 6, reads: 12 })
})

test('one slot is enough: what is kept for later steps gives way when nothing else can go on', async () => {
  const { cache, reads } = cacheOf(1)
  expect(await pass(cache, reads, 'abc')).toBe('abc')
  cache.want(0, ['a', 'c'], undefined)
  // Only the step of a may run now.
  const arrival = cache.arrival()
  expect(reads.map(({ name }) => name)).toEqual(['a'])
  reads.shift()?.resolve()
  await arrival
  expect(cache.addressOf('a')).toBe(256)
  cache.used('a')
  expect(await endRead(cache, reads)).toBe('c')
  cache.used('c')
  expect(cache.counters).toMatchObject({ hits: 0, reads: 5 })
})

test('matrices lie in slots of their own, two are read at a time, in their order', async () => {
  const { cache, reads } = cacheOf(4)
  cache.want(0, ['a', 'b', 'c', 'd'], undefined)
  expect(reads.map(({ name, into }) => [name, into.byteOffset, into.length])).toEqual([
    ['a', 256, 64],
    ['b', 384, 64],
  ])
  await endRead(cache, reads)
  expect([cache.addressOf('a'), cache.addressOf('b')]).toEqual([256, undefined])
  expect(reads.map(({ name }) => name)).toEqual(['b', 'c'])
})

test('a read that fails is thrown, leaves nothing behind, and waits for the others', async () => {
  const { cache, reads } = cacheOf(2)
  cache.want(0, ['a', 'b', 'c'], undefined)
  const [first, second] = reads.splice(0)
  first?.reject(new Error('torn'))
  await expect(cache.arrival()).rejects.toThrow('torn')
  let isSettled = false
  const settling = cache.settle().then(() => (isSettled = true))
  await Promise.resolve()
  expect(isSettled).toBe(false)
  second?.resolve()
  await settling
  expect(reads).toEqual([])
  expect(await pass(cache, reads, 'ab')).toBe('a')
})

test('empty slots of another pool are filled with what is expected there, once nothing that is wanted has to be read', async () => {
  const reads: Read[] = []
  const read = (name: string, into: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => reads.push({ name, into, resolve, reject }))
  const pools = ['abc', 'xyz'].map((letters, index) => {
    const matrices = new Map([...letters].map((name) => [name, 64]))
    return { name: `experts.${index}`, slots: 2, slotBytes: 128, matrices }
  })
  const bytes = [0, 1].map((index) => ({ buffer: new ArrayBuffer(256), address: index }))
  const cache = new ExpertCache(pools, bytes, { read, close: () => Promise.resolve() })
  cache.want(0, ['a', 'b', 'c'], undefined)
  cache.expect(1, ['x', 'y', 'z'])
  await endRead(cache, reads)
  await endRead(cache, reads)
  expect(reads).toEqual([])
  cache.used('a')
  expect(reads.map(({ name }) => name)).toEqual(['c', 'x'])
  await endRead(cache, reads)
  expect(reads.map(({ name }) => name)).toEqual(['x', 'y'])
  cache.used('b')
  cache.used('c')
  // One that fails before it is wanted is nobody's failure, and is read again.
  const [first, second] = reads.splice(0)
  first?.reject(new Error('torn'))
  second?.resolve()
  await new Promise(setImmediate)
  expect(reads.splice(0).map(({ name }) => name)).toEqual(['z'])
  cache.want(1, ['x', 'y', 'z'], undefined)
  expect(cache.addressOf('y')).toBeDefined()
  cache.used('y')
  expect(reads.map(({ name }) => name)).toEqual(['x'])
  expect(cache.counters).toMatchObject({ hits: 0, reads: 7 })
})

const type = { dtype: 'f32', shape: [16] } as const
const mixtures: Mixture[] = ['x', 'y', 'z'].map((layer) => ({
  matrices: new Map([0, 1, 2, 3].map((matrix) => [`${layer}${matrix}`, type])),
}))
const stored = (name: string) =>
  ({ name, origin: 'parameter', type, slabs: [{ row: 0, rows: 16, bytes: 64 }] }) as const
const names = [...mixtures.flatMap(({ matrices }) => [...matrices.keys()]), 'dense']
const store = { tensors: new Map(names.map((name) => [name, stored(name)])) }

test.each([
  [0, [1, 1, 1]],
  [5 * 128, [1, 2, 2]],
  [7.5 * 128, [2, 3, 2]],
  [12 * 128, [4, 4, 4]],
  [1e9, [4, 4, 4]],
])('with %i bytes of 1,536, mixtures have slots %j', (bytes, slots) => {
  const pooled = poolExperts(store, mixtures, bytes, Infinity)
  expect(pooled.pools.map((pool) => pool.slots)).toEqual(slots)
  expect([...pooled.tensors.keys()]).toEqual(['dense', 'experts.0', 'experts.1', 'experts.2'])
  expect(pooled.tensors.get('experts.1')?.type).toEqual({ dtype: 'u8', shape: [slots[1], 128] })
})

test('a pool is no larger than a slab', () => {
  expect(poolExperts(store, mixtures, 1e9, 3 * 128).pools.map(({ slots }) => slots)).toEqual([3, 3, 3])
  expect(poolExperts(store, mixtures, 1e9, 1).pools.map(({ slots }) => slots)).toEqual([1, 1, 1])
})
