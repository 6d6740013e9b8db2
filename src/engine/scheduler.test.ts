import { afterEach, describe, expect, it } from 'vitest'
import type { Backend } from '../backends/backend.ts'
import { referenceBackend } from '../backends/ref/index.ts'
import { wasmBackend } from '../backends/wasm/index.ts'
import { PocketPhiError } from '../base/errors.ts'
import type { Progress } from '../base/progress.ts'
import { loadCheckpoint, type LoadOptions } from './load.ts'
import type { Scheduler } from './scheduler.ts'
import { someIds, tinyTree, type TinyOptions } from './tiny-model-harness.ts'

const engines: Scheduler[] = []

async function engineOf(options: LoadOptions = {}, tiny: TinyOptions = {}, backend: Backend = referenceBackend()) {
  const engine = await loadCheckpoint(await tinyTree(tiny), backend, { maxRows: 16, ...options })
  engines.push(engine)
  return engine
}

afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.dispose()))
})

/** All rows of a sequence that is computed alone. */
async function allRows(engine: Scheduler, ids: readonly number[], rope: 'auto' | 'long' = 'auto') {
  const sequence = await engine.open(ids, { rope })
  const rows: Float32Array[] = []
  await sequence.rows(0, (row, logits) => (rows[row] = logits))
  sequence.close()
  return rows
}

function expectClose(actual: Float32Array | undefined, expected: Float32Array | undefined): void {
  expect(actual?.length).toBe(expected?.length)
  const difference = actual?.reduce((most, value, at) => Math.max(most, Math.abs(value - (expected?.[at] ?? NaN))), 0)
  expect(difference).toBeLessThan(1e-5)
}

describe('Scheduler', () => {
  it('computes the same logits token by token, in chunks, and in buckets with padding', async () => {
    const ids = someIds(50, 1)
    const expected = await allRows(await engineOf(), ids)
    // Tokens matter: another one gives other logits.
    const other = await allRows(await engineOf(), [...ids.slice(0, 49), 299])
    expect(Math.abs((expected[49]?.[0] ?? NaN) - (other[49]?.[0] ?? NaN))).toBeGreaterThan(1e-3)

    const engine = await engineOf({ maxRows: 8 })
    const sequence = await engine.open(ids.slice(0, 1))
    for (let at = 1; at <= ids.length;) {
      expectClose(await sequence.logits(), expected[at - 1])
      const next = ids.slice(at, at + 3 + (at % 5))
      if (next.length === 0) break
      sequence.append(next)
      at += next.length
    }
    expect(engine.counters.rows).toBe(50)
    expect(engine.counters.paddingRows).toBeGreaterThan(0)
  })

  it.each([
    ['f16', 1e-3, 32],
    ['kv8', 6e-2, 32],
    // Heads of 32.
    ['kv4', 0.5, 128],
  ] as const)(
    'keeps keys and values in %s: token by token, in chunks, and on pages that were copied',
    async (cacheType, most, width) => {
      const [ids, backend] = [someIds(100, 6), wasmBackend({ threads: 0 })]
      const tiny = { config: { hidden_size: width } }
      const spread = (rows: readonly Float32Array[]) =>
        Math.max(...rows.map((row) => Math.max(...row) - Math.min(...row)))
      const distance = (found?: Float32Array, wanted?: Float32Array) =>
        wanted?.reduce((sum, value, at) => Math.max(sum, Math.abs(value - (found?.[at] ?? NaN))), 0) ?? NaN
      const exact = await allRows(await engineOf({ cacheType: 'f32' }, tiny, backend), ids)
      const [inChunks, engine] = [
        await allRows(await engineOf({ cacheType }, tiny, backend), ids),
        await engineOf({ cacheType, maxSequences: 2 }, tiny, backend),
      ]
      const limit = most * spread(exact)
      exact.forEach((row, index) => expect(distance(inChunks[index], row)).toBeLessThan(limit))
      expect(Math.max(...exact.map((row, index) => distance(inChunks[index], row)))).toBeGreaterThan(limit / 1e4)

      // Both go on from the same 80 tokens, the second in a copy of the page that they share.
      const [first, second] = [await engine.open(ids.slice(0, 80)), await engine.open(ids.slice(0, 80))]
      for (let at = 80; at < ids.length; at++) {
        for (const sequence of [first, second]) {
          expect(distance(await sequence.logits(), exact[at - 1])).toBeLessThan(limit)
          sequence.append(ids.slice(at, at + 1))
        }
      }
      expect(engine.counters.rows).toBeLessThan(150)
    },
  )

  it('mixes several sequences in one batch and gives each what it gets alone', async () => {
    const texts = [someIds(40, 2), someIds(3, 3), someIds(70, 4), someIds(1, 5)]
    const single = await engineOf()
    const expected: (Float32Array | undefined)[] = []
    for (const ids of texts) expected.push((await allRows(single, ids)).at(-1))
    const engine = await engineOf({ maxSequences: 4 })
    const sequences = await Promise.all(texts.map((ids) => engine.open(ids)))
    const found = await Promise.all(sequences.map((sequence) => sequence.logits()))
    found.forEach((logits, index) => expectClose(logits, expected[index]))
    expect(engine.counters.rows).toBe(114)
    // 114 rows in batches of 16; alone they would be more.
    expect(engine.counters.runs).toBeLessThanOrEqual(8)

    const runs = engine.counters.runs
    for (const sequence of sequences) sequence.append([7])
    const next = await Promise.all(sequences.map((sequence) => sequence.logits()))
    expect(engine.counters.runs).toBe(runs + 1)
    for (const [index, ids] of texts.entries()) expectClose(next[index], (await allRows(single, [...ids, 7])).at(-1))
  })

  it('computes only what is new of a text that shares its beginning with an earlier one', async () => {
    const engine = await engineOf()
    const ids = someIds(100, 6)
    const first = await engine.open(ids)
    const expected = await first.logits()
    first.close()
    const { rows } = engine.counters
    const again = await engine.open(ids)
    expectClose(await again.logits(), expected)
    // A block of rows, that it is computed as the first time.
    expect(engine.counters.rows).toBe(rows + 5)
    expect(again.reused).toBe(95)
    again.close()
    const ending = [9, 8, 7, 6, 5, 4]
    const branched = await engine.open([...ids.slice(0, 80), ...ending])
    const fresh = await allRows(await engineOf(), [...ids.slice(0, 80), ...ending])
    expectClose(await branched.logits(), fresh.at(-1))
    expect(branched.reused).toBe(80)
    expect(engine.counters.rows).toBe(rows + 11)
  })

  it('takes tokens as computed whose keys and values were written into its pages', async () => {
    const ids = someIds(100, 20)
    const engine = await engineOf()
    const sequence = await engine.open(ids)
    const expected = await sequence.logits()
    const other = await engineOf()
    const adopted = await other.open(ids)
    await other.adopt(adopted, 99, async () => {
      for (const name of other.device.names().filter((state) => state.startsWith('cache.'))) {
        const pages = await engine.device.readBytes(name)
        await other.device.fill(name, (bytes, offset) => bytes.set(pages.subarray(offset, offset + bytes.length)))
      }
    })
    expectClose(await adopted.logits(), expected)
    expect(other.counters.rows).toBe(1)
    const nothing = async (): Promise<void> => {}
    await expect(other.adopt(adopted, 99, nothing)).rejects.toThrow(/100 computed tokens/)
    adopted.close()
    const next = await other.open(ids)
    await expect(other.adopt(next, 101, nothing)).rejects.toThrow(/at most 100 tokens/)
  })

  it('delivers the rows that are wanted, in order, more of them than one pass can give', async () => {
    const engine = await engineOf({ maxRows: 64 })
    const ids = someIds(90, 7)
    const rows: number[] = []
    const sequence = await engine.open(ids)
    await sequence.rows(10, (row) => rows.push(row))
    expect(rows).toEqual(Array.from({ length: 80 }, (_, index) => index + 10))
    expect(engine.counters.rows).toBe(90)
  })

  it('reads the prefix again with the long factors when a text outgrows the original context', async () => {
    const tiny = { border: 20 }
    const engine = await engineOf({}, tiny)
    const ids = someIds(30, 8)
    const stages = new Set<string>()
    const sequence = await engine.open(ids.slice(0, 18))
    const found: Float32Array[] = [await sequence.logits()]
    for (let length = 19; length <= 24; length++) {
      sequence.append([ids[length - 1] ?? 0])
      found.push(await sequence.logits({ onProgress: ({ stage }) => stages.add(stage) }))
      expect(sequence.regime).toBe(length > 20 ? 1 : 0)
    }
    const fresh = await engineOf({}, tiny)
    for (let length = 18; length <= 24; length++) {
      const expected = (await allRows(fresh, ids.slice(0, length))).at(-1)
      expectClose(found[length - 18], expected)
    }
    expect(engine.counters.recomputedRows).toBe(20)
    expect(stages).toContain('reading again for the long context')
    // The two tables are really different, so the above says something.
    const short = (await allRows(fresh, ids.slice(0, 20))).at(-1)
    const long = (await allRows(fresh, ids.slice(0, 20), 'long')).at(-1)
    expect(Math.abs((short?.[0] ?? NaN) - (long?.[0] ?? NaN))).toBeGreaterThan(1e-3)
  })

  it('never reads again with rope: long, nor for a prompt that is long from the start', async () => {
    const engine = await engineOf({}, { border: 20 })
    const ids = someIds(30, 9)
    const sequence = await engine.open(ids.slice(0, 10), { rope: 'long' })
    await sequence.logits()
    sequence.append(ids.slice(10))
    const crossed = await sequence.logits()
    expect(engine.counters.recomputedRows).toBe(0)
    expect(engine.counters.rows).toBe(30)
    const fresh = await engineOf({}, { border: 20 })
    expectClose(crossed, (await allRows(fresh, ids)).at(-1))
    expect(fresh.counters.rows).toBe(30)
  })

  it('aborts a long prompt between batches, and goes on from there', async () => {
    const engine = await engineOf({ maxRows: 4 })
    const ids = someIds(40, 10)
    const sequence = await engine.open(ids)
    const controller = new AbortController()
    const aborted = sequence.logits({
      signal: controller.signal,
      onProgress: ({ done }) => done >= 12 && controller.abort(),
    })
    await expect(aborted).rejects.toMatchObject({ code: 'aborted' })
    expect(sequence.computed).toBe(12)
    expectClose(await sequence.logits(), (await allRows(await engineOf(), ids)).at(-1))
    expect(engine.counters.rows).toBe(40)
  })

  it('runs the rows of the others again when one of a batch is aborted in the middle', async () => {
    const ref = referenceBackend()
    const controller = new AbortController()
    let runs = 0
    const backend: Backend = {
      ...ref,
      async open(programs) {
        const device = await ref.open(programs)
        return {
          ...device,
          run(program, inputs, options) {
            if (++runs === 2) controller.abort()
            return device.run(program, inputs, options)
          },
        }
      },
    }
    const engine = await engineOf({ maxSequences: 2 }, {}, backend)
    const [left, right] = [someIds(20, 11), someIds(20, 12)]
    const sequences = await Promise.all([engine.open(left), engine.open(right)])
    const results = await Promise.allSettled([
      sequences[0].logits({ signal: controller.signal }),
      sequences[1].logits(),
    ])
    expect(results[0]).toMatchObject({ status: 'rejected', reason: { code: 'aborted' } })
    expect(results[1].status).toBe('fulfilled')
    if (results[1].status === 'fulfilled') {
      expectClose(results[1].value, (await allRows(await engineOf(), right)).at(-1))
    }
  })

  it.each(['deliver', 'onProgress'])('gives an error that is thrown by %s to the one who threw it', async (place) => {
    const engine = await engineOf({ maxSequences: 3 })
    const texts = [someIds(5, 21), someIds(6, 22), someIds(4, 23)]
    const sequences = await Promise.all(texts.map((ids) => engine.open(ids)))
    const thrown = new Error('of the receiver')
    const fail = (): never => {
      throw thrown
    }
    const delivered: number[] = []
    const results = await Promise.allSettled([
      sequences[0]?.logits(),
      sequences[1]?.rows(
        2,
        (row) => {
          delivered.push(row)
          if (place === 'deliver') fail()
        },
        place === 'onProgress' ? { onProgress: fail } : {},
      ),
      sequences[2]?.logits(),
    ])
    expect(engine.counters.runs).toBe(1)
    expect(results[1]).toEqual({ status: 'rejected', reason: thrown })
    expect(delivered).toEqual(place === 'deliver' ? [2] : [2, 3, 4, 5])
    const single = await engineOf()
    for (const index of [0, 2]) {
      const result = results[index]
      expect(result?.status).toBe('fulfilled')
      if (result?.status !== 'fulfilled') continue
      expectClose(result.value ?? undefined, (await allRows(single, texts[index] ?? [])).at(-1))
    }
    // It can be asked again, and others come in.
    expectClose(await sequences[1]?.logits(), (await allRows(single, texts[1] ?? [])).at(-1))
  })

  it('reports that a prompt is read, not each new token', async () => {
    const engine = await engineOf({ maxRows: 4 })
    const sequence = await engine.open(someIds(6, 24))
    const seen: unknown[] = []
    const onProgress = ({ stage, done, total }: Progress): unknown => seen.push([stage, done, total])
    for (let step = 0; step < 3; step++) {
      await sequence.logits({ onProgress })
      sequence.append([7])
    }
    expect(seen).toEqual([
      ['reading the prompt', 4, 6],
      ['reading the prompt', 6, 6],
    ])
  })

  it('keeps sequences apart when one of a batch gives up in the middle of a prompt that others share', async () => {
    const ids = someIds(220, 25)
    const other = [...ids.slice(0, 100), ...someIds(30, 26)]
    const ref = referenceBackend()
    let duringRun: (() => void) | undefined
    const backend: Backend = {
      ...ref,
      async open(programs) {
        const device = await ref.open(programs)
        return {
          ...device,
          run(program, inputs, options) {
            duringRun?.()
            return device.run(program, inputs, options)
          },
        }
      },
    }
    const engine = await engineOf({ maxSequences: 3, maxRows: 256 }, {}, backend)
    const [first, giving] = await Promise.all([engine.open(ids.slice(0, 100)), engine.open(someIds(20, 27))])
    await first.logits()
    first.append(ids.slice(100))
    const second = await engine.open(other)
    const controller = new AbortController()
    let late: Promise<Float32Array> | undefined
    duringRun = () => {
      duringRun = undefined
      late = second.logits()
      controller.abort()
    }
    const given = giving.logits({ signal: controller.signal })
    const logits = await Promise.all([first.logits(), expect(given).rejects.toMatchObject({ code: 'aborted' })])
    const single = await engineOf({ maxRows: 256 })
    expectClose(logits[0], (await allRows(single, ids)).at(-1))
    expectClose(await late, (await allRows(single, other)).at(-1))
    for (const [sequence, text] of [
      [first, ids],
      [second, other],
    ] as const) {
      sequence.close()
      const again = await engine.open(text)
      expectClose(await again.logits(), (await allRows(single, text)).at(-1))
      again.close()
    }
  })

  it('lets sequences wait for room, in order, and lets them give up', async () => {
    const engine = await engineOf({ context: 128, maxSequences: 1 })
    const first = await engine.open(someIds(5, 13))
    const controller = new AbortController()
    const impatient = engine.open(someIds(5, 14), { signal: controller.signal })
    const patient = engine.open(someIds(5, 15))
    controller.abort()
    await expect(impatient).rejects.toMatchObject({ code: 'aborted' })
    first.close()
    const second = await patient
    expect((await second.logits()).length).toBe(320)
  })

  it('refuses what cannot be', async () => {
    const engine = await engineOf({ context: 32 })
    await expect(engine.open(someIds(33, 16))).rejects.toMatchObject({ code: 'context-full' })
    await expect(engine.open([320])).rejects.toMatchObject({ code: 'invalid-argument' })
    const sequence = await engine.open([5], { reserve: 4 })
    sequence.append([1, 2, 3, 4])
    await expect(sequence.logits()).rejects.toMatchObject({ code: 'invalid-argument' })
    sequence.close()
    await expect(sequence.logits()).rejects.toMatchObject({ code: 'invalid-argument' })
    await engine.dispose()
    await expect(engine.open([5])).rejects.toBeInstanceOf(PocketPhiError)
  })

  it('ends what is going on when it is disposed', async () => {
    const engine = await engineOf({ maxRows: 2 })
    const sequence = await engine.open(someIds(60, 17))
    const running = sequence.logits({ onProgress: ({ done }) => done === 2 && void engine.dispose() })
    await expect(running).rejects.toMatchObject({ code: 'aborted' })
  })
})
