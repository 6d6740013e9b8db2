import { describe, expect, it } from 'vitest'
import { Random } from '../base/random.ts'
import { pageSize } from '../program/ops/cache.ts'
import { PagePool, type PageTable } from './pages.ts'
import { someIds } from './tiny-model-harness.ts'

/** Computes a sequence in one go, as the scheduler would; returns its table and the copies that were made. */
function compute(pool: PagePool, ids: readonly number[], limit = ids.length - 1, regime: 0 | 1 = 0) {
  const table = pool.open(ids, limit, regime)
  const reused = table.length
  const copies = extend(pool, table, ids)
  return { table, reused, copies }
}

function extend(pool: PagePool, table: PageTable, ids: readonly number[]) {
  const copies = pool.prepare(table, ids.length)
  pool.commit(table, ids.slice(table.length))
  return copies
}

describe('PagePool', () => {
  it('finds the longest kept prefix, to the token', () => {
    const pool = new PagePool(16)
    const ids = someIds(150, 1)
    pool.close(compute(pool, ids).table)
    const other = [...ids.slice(0, 140), ...someIds(20, 2)]
    const again = compute(pool, other)
    expect(again.reused).toBe(140)
    expect(again.copies).toHaveLength(1)
    // The first two pages are the same ones; the third is a copy, as the first sequence's end is kept.
    pool.close(again.table)
    expect(pool.open(ids, ids.length, 0).length).toBe(150)
    expect(pool.open(other, other.length, 0).length).toBe(160)
  })

  it('extends a kept prefix in place where nobody else reads it', () => {
    const pool = new PagePool(16)
    const ids = someIds(200, 3)
    const first = compute(pool, ids.slice(0, 100))
    pool.close(first.table)
    const { reused, copies } = compute(pool, ids)
    expect(reused).toBe(100)
    expect(copies).toEqual([])
  })

  it('copies a page that another sequence reads before writing', () => {
    const pool = new PagePool(16)
    const ids = someIds(70, 4)
    const first = compute(pool, ids)
    const second = compute(pool, [...ids, 5, 6], ids.length)
    expect(second.reused).toBe(70)
    expect(second.copies).toEqual([{ from: pool.indices(first.table)[1], to: pool.indices(second.table)[1] }])
    expect(pool.indices(first.table)[0]).toBe(pool.indices(second.table)[0])
    expect(extend(pool, first.table, [...ids, 9])).toEqual([])
  })

  it('takes back what was tried out, without copies, and leaves what others read', () => {
    const pool = new PagePool(16)
    const ids = someIds(140, 30)
    const { table } = compute(pool, ids)
    const before = pool.available
    pool.truncate(table, 100)
    expect([table.length, table.pages.length]).toEqual([100, 2])
    expect(pool.available).toBe(before + 1)
    const other = [...ids.slice(0, 100), 7, 8]
    expect(extend(pool, table, other)).toEqual([])
    pool.close(table)
    expect(pool.open(other, other.length, 0).length).toBe(102)
    expect(pool.open(ids, ids.length, 0).length).toBe(100)

    const shared = compute(pool, ids, ids.length - 1)
    const reader = compute(pool, [...ids, 9], ids.length)
    pool.truncate(shared.table, 66)
    expect(pool.indices(reader.table)).toHaveLength(3)
    expect(extend(pool, shared.table, [...ids.slice(0, 66), 3])).toHaveLength(1)
    pool.close(shared.table)
    pool.close(reader.table)
    expect(pool.open(ids, ids.length, 0).length).toBe(140)
  })

  it('keeps the rotary regimes apart', () => {
    const pool = new PagePool(16)
    const ids = someIds(130, 6)
    pool.close(compute(pool, ids, 129, 0).table)
    expect(pool.open(ids, 129, 1).length).toBe(0)
    expect(pool.open(ids, 129, 0).length).toBe(129)
  })

  it('gives up the least recently used prefixes first, ends before beginnings', () => {
    const pool = new PagePool(6)
    const [first, second] = [someIds(192, 7), someIds(192, 8)]
    pool.close(compute(pool, first).table)
    pool.close(compute(pool, second).table)
    pool.close(pool.open(first, 64, 0))
    const third = compute(pool, someIds(192, 9))
    expect(pool.evicted).toBe(3)
    expect(pool.open(first, 192, 0).length).toBe(64)
    expect(pool.open(second, 192, 0).length).toBe(128)
    pool.close(third.table)
  })

  it('lets sequences that computed the same page share it', () => {
    const pool = new PagePool(8)
    const ids = someIds(100, 10)
    const tables = [pool.open(ids, 99, 0), pool.open(ids, 99, 0)]
    for (const table of tables) pool.prepare(table, 100)
    for (const table of tables) pool.commit(table, ids)
    expect(new Set(tables.map((table) => pool.indices(table)[0])).size).toBe(1)
    expect(new Set(tables.map((table) => pool.indices(table)[1])).size).toBe(2)
    for (const table of tables) pool.close(table)
    // Two pages for the hundred tokens; what both computed is kept once.
    expect(pool.available).toBe(8)
    const { copies } = compute(pool, [...ids, 1], 100)
    expect(copies).toEqual([])
  })

  it('copies the page that is written, not the last one, after a pass that was given up', () => {
    const pool = new PagePool(16)
    const ids = someIds(250, 11)
    const table = pool.open(ids, 99, 0)
    pool.prepare(table, 100)
    pool.commit(table, ids.slice(0, 100))
    // Makes two pages that stay empty.
    pool.prepare(table, 250)
    const before = pool.indices(table)
    const other = pool.open(ids, 100, 0)
    const copies = pool.prepare(table, 250)
    const after = pool.indices(table)
    expect(copies).toEqual([{ from: before[1], to: after[1] }])
    expect(after).toEqual([before[0], after[1], before[2], before[3]])
    expect(pool.indices(other)).toEqual(before.slice(0, 2))
    pool.commit(table, ids.slice(100))
    pool.close(other)
    pool.close(table)
    expect(pool.available).toBe(16)
    expect(pool.open(ids, 250, 0).length).toBe(250)
  })

  it('never mixes up what pages hold, over many random batches of which some are given up', () => {
    const random = new Random(12)
    const pages = 20
    const pool = new PagePool(pages)
    /** What the device would hold: the token that was written to each slot, with all tokens before it. */
    const device = new Map<string, string>()
    const prefix = (ids: readonly number[], at: number): string => ids.slice(0, at + 1).join('')
    interface Text {
      readonly table: PageTable
      readonly ids: number[]
    }
    const open: Text[] = []
    const pick = (length: number): number[] => Array.from({ length }, () => random.integer(0, 2))
    const prepare = ({ table, ids }: Text): void => {
      for (const copy of pool.prepare(table, ids.length)) {
        for (let slot = 0; slot < pageSize; slot++) {
          const held = device.get(`${copy.from}:${slot}`)
          if (held !== undefined) device.set(`${copy.to}:${slot}`, held)
        }
      }
    }
    const slots = (table: PageTable): string[] =>
      pool.indices(table).flatMap((page) => Array.from({ length: pageSize }, (_, slot) => `${page}:${slot}`))
    /** What a pass that was given up has written is of no use. */
    const write = ({ table, ids }: Text, isWhole: boolean): void => {
      const held = slots(table)
      for (let at = table.length; at < ids.length; at++) {
        device.set(held[at] ?? '', isWhole ? prefix(ids, at) : 'given up')
      }
    }
    const check = ({ table, ids }: Text): void => {
      const held = slots(table).slice(0, table.length)
      expect(held.findIndex((slot, at) => device.get(slot) !== prefix(ids, at))).toBe(-1)
    }
    const shared = pick(150)
    const enter = (): void => {
      if (open.length === 4) return
      const isFork = open.length > 0 && random.float() < 0.7
      const start = isFork ? random.pick(open).ids : shared.slice(0, random.integer(0, 150))
      const ids = [...start.slice(0, 180), ...pick(random.integer(1, 30))]
      open.push({ table: pool.open(ids, ids.length - 1, 0), ids })
    }
    for (let round = 0; round < 300; round++) {
      if (random.float() < 0.5) enter()
      const batch = open.filter(() => random.float() < 0.6)
      for (const { table, ids } of batch) {
        if (table.length === ids.length && ids.length < 150) ids.push(...pick(random.integer(1, 90)))
      }
      const isWhole = random.float() < 0.5
      for (const text of batch) prepare(text)
      for (const text of batch) write(text, isWhole)
      // Others come while the batch is computed.
      if (random.float() < 0.5) enter()
      if (isWhole) for (const { table, ids } of batch) pool.commit(table, ids.slice(table.length))
      for (const text of open) check(text)
      if (open.length > 0 && random.float() < 0.6) {
        const [gone] = open.splice(random.integer(0, open.length), 1)
        if (gone !== undefined) pool.close(gone.table)
      }
    }
    expect(pool.evicted).toBeGreaterThan(0)
    for (const { table } of open) pool.close(table)
    expect(pool.available).toBe(pages)
  })
})
