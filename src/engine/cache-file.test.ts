import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { wasmBackend } from '../backends/wasm/index.ts'
import { writeFileAtomic } from '../formats/atomic.ts'
import { bytesSource, fileSource } from '../formats/source.ts'
import { safetensorsBytes } from '../formats/safetensors-writer.ts'
import { cacheDTypes } from '../program/ops/cache.ts'
import { mostReused } from './batch.ts'
import { cacheParts, signed } from './cache-file-harness.ts'
import { openCache, saveCache } from './cache-file.ts'
import { loadCheckpoint, type LoadOptions } from './load.ts'
import type { Scheduler } from './scheduler.ts'
import type { Sequence } from './sequence.ts'
import { someIds, tinyTree, type TinyOptions } from './tiny-model-harness.ts'

const root = mkdtempSync(join(tmpdir(), 'pocket-phi-cache-'))
const path = join(root, 'saved.cache')
const engines: Scheduler[] = []
/** Heads of 32. */
const wide = { config: { hidden_size: 128 } }

async function engineOf(options: LoadOptions = {}, tiny: TinyOptions = wide): Promise<Scheduler> {
  const engine = await loadCheckpoint(await tinyTree(tiny), wasmBackend({ threads: 0 }), { maxRows: 16, ...options })
  engines.push(engine)
  return engine
}

afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.dispose()))
  for (const name of readdirSync(root)) rmSync(join(root, name))
})

/** Goes on with the likeliest tokens. */
async function goOn(sequence: Sequence, count: number): Promise<number[]> {
  for (let step = 0; step < count; step++) {
    const logits = await sequence.logits()
    sequence.append([logits.indexOf(Math.max(...logits))])
  }
  return sequence.ids.slice(-count)
}

/** A file with 100 tokens, and how their engine goes on. */
async function saved(options: LoadOptions = {}, tiny: TinyOptions = wide, ids = someIds(100, 3)) {
  const engine = await engineOf(options, tiny)
  const sequence = await engine.open(ids)
  await sequence.logits()
  await saveCache(engine, sequence, (chunks) => writeFileAtomic(path, chunks))
  return { ids, answer: await goOn(sequence, 20) }
}

describe('a saved cache', () => {
  it.each(cacheDTypes)(
    'of %s goes on with the same tokens in another engine, of which only new rows are computed',
    async (cacheType) => {
      const { ids, answer } = await saved({ cacheType })
      const engine = await engineOf({ cacheType, maxSequences: 2 })
      // Other pages of the pool are in use, so that those of the file come to lie elsewhere.
      const other = await engine.open(someIds(70, 4))
      await other.logits()
      const lastRow = async (): Promise<Float32Array> => {
        other.truncate(69)
        other.append(someIds(70, 4).slice(69))
        return await other.logits()
      }
      const expected = await lastRow()
      const { rows } = engine.counters
      expect(await openCache(engine, await fileSource(path))).toEqual(ids)
      expect(engine.counters.rows).toBe(rows)
      const sequence = await engine.open(ids)
      expect(await goOn(sequence, 20)).toEqual(answer)
      expect(sequence.reused).toBe(mostReused(100))
      expect(engine.counters.rows).toBe(rows + 100 - mostReused(100) + 19)
      expect(await lastRow()).toEqual(expected)
    },
  )

  it.each(cacheDTypes)('of %s has nothing of other texts in it', async (cacheType) => {
    await saved({ cacheType, context: 128 })
    const alone = readFileSync(path)
    const engine = await engineOf({ cacheType, context: 128 })
    // Its pages are those that the text gets.
    const other = await engine.open(someIds(128, 5))
    await other.logits()
    other.close()
    const sequence = await engine.open(someIds(100, 3))
    await sequence.logits()
    await saveCache(engine, sequence, (chunks) => writeFileAtomic(path, chunks))
    expect(readFileSync(path).equals(alone)).toBe(true)
  })

  it('keeps the rotary table of a text that has outgrown the original context', async () => {
    const { ids, answer } = await saved({}, { border: 20 })
    const engine = await engineOf({}, { border: 20 })
    await openCache(engine, await fileSource(path))
    const sequence = await engine.open(ids)
    expect(await goOn(sequence, 20)).toEqual(answer)
    expect(sequence.reused).toBe(mostReused(100))
  })

  it('waits for what runs, and what is asked for meanwhile waits for it', async () => {
    const { ids, answer } = await saved()
    const engine = await engineOf({ maxSequences: 3 })
    const sequence = await engine.open(someIds(90, 8))
    const alone = await (await engineOf()).open(someIds(90, 8))
    const [found, , expected] = await Promise.all([
      goOn(sequence, 5),
      fileSource(path).then((source) => openCache(engine, source)),
      goOn(alone, 5),
    ])
    expect(found).toEqual(expected)
    expect(await goOn(await engine.open(ids), 20)).toEqual(answer)
  })

  it.each(cacheDTypes)(
    'of %s is refused, and nothing of it is found, where it is torn or altered',
    async (cacheType) => {
      const { ids } = await saved({ cacheType })
      const bytes = readFileSync(path)
      const engine = await engineOf({ cacheType })
      const refused = async (found: Uint8Array): Promise<void> => {
        await expect(openCache(engine, bytesSource(found))).rejects.toMatchObject({ code: 'invalid-file' })
      }
      for (const length of [0, 7, 100, bytes.length >> 1, bytes.length - 1]) await refused(bytes.subarray(0, length))
      const header = 8 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
      // The first id, the last one, a key, the last value, the checksum.
      for (const place of [header, header + 399, header + 401, bytes.length - 33, bytes.length - 1]) {
        const altered = Uint8Array.from(bytes)
        altered[place] = (altered[place] ?? 0) ^ 1
        await refused(altered)
      }
      const sequence = await engine.open(ids)
      await sequence.logits()
      expect(sequence.reused).toBe(0)
    },
  )

  it.each([
    ['another cache type', { cacheType: 'kv8' }, wide],
    ['exact products', { cacheType: 'f16', exact: true }, wide],
    ['another number of layers', {}, { config: { ...wide.config, num_hidden_layers: 1 } }],
    ['other heads', {}, { config: { hidden_size: 64 } }],
    ['another rotary table', {}, { config: { ...wide.config, rope_theta: 500 } }],
  ] as const)('is refused by a model with %s', async (_, options, tiny) => {
    await saved()
    await expect(openCache(await engineOf(options, tiny), await fileSource(path))).rejects.toMatchObject({
      code: 'invalid-file',
    })
  })

  it('is refused where the parts contradict one another', async () => {
    await saved()
    const { tensors: entries, metadata } = await cacheParts(readFileSync(path))
    const changed = (name: string, entry: Partial<(typeof entries)[number]>) =>
      entries.map((known) => (known.name === name ? { ...known, ...entry } : known))
    const ids = (count: number, value: number) => ({
      shape: [count],
      data: new Uint8Array(Int32Array.from({ length: count }, () => value).buffer),
    })
    const engine = await engineOf()
    const hostile: [typeof entries, Record<string, string>][] = [
      [entries, { ...metadata, model: '0' }],
      [entries, { ...metadata, rope: 'none' }],
      [entries, { ...metadata, rope: 'long' }],
      [entries, { ...metadata, format: 'pt' }],
      [entries.slice(1), metadata],
      [entries.filter(({ name }) => name !== 'sha256'), metadata],
      [[...entries, { name: 'more', dtype: 'U8', shape: [1], data: new Uint8Array(1) }], metadata],
      [changed('ids', ids(300, 1)), metadata],
      [changed('ids', ids(0, 1)), metadata],
      [changed('ids', { ...ids(100, 1), shape: [10, 10] }), metadata],
      [changed('ids', ids(100, 320)), metadata],
      [changed('ids', ids(100, -1)), metadata],
    ]
    const bytesOf = async (tensors: typeof entries, words: Record<string, string>): Promise<Uint8Array> => {
      const parts = signed({ tensors, metadata: words })
      return await safetensorsBytes(parts.tensors, parts.metadata)
    }
    for (const [tensors, words] of hostile) {
      await expect(openCache(engine, bytesSource(await bytesOf(tensors, words)))).rejects.toMatchObject({
        code: 'invalid-file',
      })
    }
    expect(await openCache(engine, bytesSource(await bytesOf(entries, metadata)))).toHaveLength(100)
  })

  it('of more tokens than the context has is refused', async () => {
    await saved()
    const engine = await engineOf({ context: 64 })
    await expect(openCache(engine, await fileSource(path))).rejects.toMatchObject({ code: 'context-full' })
  })

  it('keeps the old file when writing fails, and the engine goes on', async () => {
    writeFileSync(path, 'old')
    const engine = await engineOf()
    const sequence = await engine.open(someIds(10, 1))
    await expect(saveCache(engine, sequence, async () => {})).rejects.toMatchObject({ code: 'invalid-argument' })
    await sequence.logits()
    const failing = saveCache(engine, sequence, async (chunks) => {
      const first = async function* (): AsyncGenerator<Uint8Array> {
        yield* chunks
        throw new Error('no more')
      }
      await writeFileAtomic(path, first())
    })
    await expect(failing).rejects.toThrow('no more')
    expect(readFileSync(path, 'utf8')).toBe('old')
    expect(await goOn(sequence, 3)).toHaveLength(3)
  })
})
