/**
 * What a sequence has computed, in a file: a safetensors file with the ids (I32) and, for the keys and the values of each layer, the pages of the
 * sequence as the store has them (U8). Its metadata say what model, cache type and rotary table they are of.
 */
import type { Device } from '../backends/backend.ts'
import { PocketPhiError } from '../base/errors.ts'
import { openSafetensors, type Checkpoint } from '../formats/safetensors.ts'
import { writeSafetensors, type TensorEntry } from '../formats/safetensors-writer.ts'
import type { ByteSource } from '../formats/source.ts'
import { cacheNames } from '../models/trace.ts'
import { pageSize } from '../program/ops/cache.ts'
import { tensorBytes } from '../program/plan.ts'
import type { Regime } from './pages.ts'
import type { Scheduler } from './scheduler.ts'
import type { AdvanceOptions, Sequence } from './sequence.ts'
import { tensorsFingerprint } from './tensors-fingerprint.ts'

/** The value of "format" in the metadata. */
const formatName = 'pocket-phi-cache-1'

/** What a file holds: the ids and the rotary table that their keys were turned with. */
interface CachedText {
  readonly ids: readonly number[]
  readonly regime: Regime
}

/** What of a file is written or read: its pages belong to the pages of the pool with these numbers, in this order. */
interface CachePlaces {
  readonly device: Device
  readonly layers: number
  readonly pages: readonly number[]
}

/** The pools of all layers. */
function poolNames(layers: number): string[] {
  return Array.from({ length: layers }, (_, layer) => Object.values(cacheNames(layer))).flat()
}

function pageBytesOf(device: Device, name: string): number {
  const { dtype, shape } = device.typeOf(name)
  return tensorBytes({ dtype, shape: [1, ...shape.slice(1)] })
}

/** SHA-256 of everything in the store of a device but its cache: the same for the same weights in the same formats. */
export async function fingerprintOf(device: Device, layers: number): Promise<string> {
  const pools = new Set(poolNames(layers))
  return await tensorsFingerprint(
    device,
    device.names().filter((name) => !pools.has(name)),
  )
}

/** What the metadata of a file have to say for this device. */
async function metadataFor(device: Device, layers: number): Promise<Record<string, string>> {
  const [name = ''] = poolNames(layers)
  return { format: formatName, model: await fingerprintOf(device, layers), cache_type: device.typeOf(name).dtype }
}

/**
 * The bytes of a file with a text whose keys and values are in these pages, a pool at a time; nothing else may use the device until
 * all are read.
 */
async function* cacheFileChunks(
  { ids, regime }: CachedText,
  { device, layers, pages }: CachePlaces,
): AsyncGenerator<Uint8Array, void, void> {
  const entries = poolNames(layers).map((name): TensorEntry => {
    const bytes = pageBytesOf(device, name)
    const data = async function* (): AsyncGenerator<Uint8Array, void, void> {
      const pool = await device.readBytes(name)
      for (const page of pages) yield pool.subarray(page * bytes, (page + 1) * bytes)
    }
    return { name, dtype: 'U8', shape: [pages.length, bytes], data }
  })
  const numbers = new DataView(new ArrayBuffer(4 * ids.length))
  ids.forEach((id, index) => numbers.setInt32(4 * index, id, true))
  entries.push({ name: 'ids', dtype: 'I32', shape: [ids.length], data: new Uint8Array(numbers.buffer) })
  const metadata = { ...(await metadataFor(device, layers)), rope: regime === 1 ? 'long' : 'short' }
  yield* writeSafetensors(entries, metadata)
}

/** An open file that was found to be of this model and cache type, with the shapes that its ids ask for. */
interface CacheFile extends CachedText {
  /** Puts the keys and values into pages of the pool. */
  readonly fillPages: (pages: readonly number[]) => Promise<void>
  close(): Promise<void>
}

/**
 * Opens a file and checks all that can be checked before anything is changed. The file owns the source.
 *
 * @throws PocketPhiError `invalid-file` for a file that is torn, of another format, model or cache type, or that contradicts itself
 */
async function openCacheFile(
  source: ByteSource,
  { device, layers }: Pick<CachePlaces, 'device' | 'layers'>,
): Promise<CacheFile> {
  const file = await openSafetensors(source)
  try {
    for (const [key, expected] of Object.entries(await metadataFor(device, layers))) {
      if (file.metadata[key] !== expected) throw foreign(source.name, `${key} ${expected}`, `${file.metadata[key]}`)
    }
    const { rope } = file.metadata
    if (rope !== 'short' && rope !== 'long') throw foreign(source.name, 'rope "short" or "long"', `${rope}`)
    const ids = await readIds(file, source.name)
    const pages = Math.ceil(ids.length / pageSize)
    const names = poolNames(layers)
    const tensors = new Set([...names, 'ids'])
    const unknown = file.names().find((name) => !tensors.has(name))
    if (unknown !== undefined) throw foreign(source.name, 'ids, keys and values alone', unknown)
    for (const name of names) checkTensor(file, source.name, name, 'U8', [pages, pageBytesOf(device, name)])
    const fillPages = async (places: readonly number[]): Promise<void> => {
      for (const name of names) await fillPool(device, name, await file.read(name), places)
    }
    return { ids, regime: rope === 'long' ? 1 : 0, fillPages, close: () => file.close() }
  } catch (error) {
    await file.close()
    throw error
  }
}

async function readIds(file: Checkpoint, path: string): Promise<number[]> {
  const count = file.has('ids') ? (file.info('ids').shape[0] ?? 0) : 0
  checkTensor(file, path, 'ids', 'I32', [Math.max(1, count)])
  const bytes = await file.read('ids')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: count }, (_, index) => view.getInt32(4 * index, true))
}

function checkTensor(
  file: Checkpoint,
  path: string,
  name: string,
  dtype: 'U8' | 'I32',
  shape: readonly number[],
): void {
  const found = file.has(name) ? file.info(name) : undefined
  if (found?.dtype === dtype && String(found.shape) === String(shape)) return
  const words = found === undefined ? `no ${name}` : `${found.dtype} [${found.shape.join(', ')}]`
  throw foreign(path, `${name} as ${dtype} [${shape.join(', ')}]`, words)
}

/** A device fills tensors whole: what other pages hold goes in again. */
async function fillPool(device: Device, name: string, data: Uint8Array, pages: readonly number[]): Promise<void> {
  const pool = await device.readBytes(name)
  const bytes = data.length / pages.length
  pages.forEach((page, index) => pool.set(data.subarray(index * bytes, (index + 1) * bytes), page * bytes))
  await device.fill(name, (target, offset) => target.set(pool.subarray(offset, offset + target.length)))
}

function foreign(path: string, expected: string, found: string): PocketPhiError {
  return new PocketPhiError('invalid-file', `"${path}" is no saved cache of this model as it is loaded.`, {
    expected,
    found,
    remedy:
      'Open it with the weights, formats and cache type with which it was saved, or let the model read the text again.',
  })
}

/** Takes the bytes of a file, and resolves when they are written. */
export type WriteChunks = (chunks: AsyncIterable<Uint8Array>) => Promise<void>

function placesOf({ device, programs }: Scheduler): Omit<CachePlaces, 'pages'> {
  return { device, layers: programs.model.shape.layers }
}

/**
 * Gives `write` what a sequence has computed, as the bytes of a file that `openCache` reads. Nothing is computed until it is done.
 *
 * @throws PocketPhiError `invalid-argument` when nothing was computed, `not-supported` with pictures; what `write` throws
 */
export async function saveCache(engine: Scheduler, sequence: Sequence, write: WriteChunks): Promise<void> {
  await engine.alone(async () => {
    const { regime, computed } = sequence
    if (computed === 0) throw new PocketPhiError('invalid-argument', 'Nothing of the sequence is in the cache.')
    if (sequence.ids.some((id) => id < 0)) {
      throw new PocketPhiError('not-supported', 'A text with pictures cannot be saved: the file has ids alone.')
    }
    const places = { ...placesOf(engine), pages: engine.pagesOf(sequence) }
    await write(cacheFileChunks({ ids: sequence.ids.slice(0, computed), regime }, places))
  })
}

/**
 * Puts what was saved back into the cache, where sequences that begin with it find it; resolves to its ids. A file that cannot be
 * used changes nothing.
 *
 * @throws PocketPhiError `invalid-file`, `context-full`, `aborted`; `invalid-argument` for ids that the model does not have
 */
export async function openCache(
  engine: Scheduler,
  source: ByteSource,
  { signal }: Pick<AdvanceOptions, 'signal'> = {},
): Promise<readonly number[]> {
  const file = await engine.alone(() => openCacheFile(source, placesOf(engine)))
  try {
    const { ids, regime, fillPages } = file
    const rope = regime === 1 ? 'long' : 'auto'
    const sequence = await engine.open(ids, { rope, reserve: ids.length, signal })
    try {
      if (sequence.regime !== regime) {
        throw foreign(
          source.name,
          `the rotary table for ${ids.length} tokens`,
          rope === 'long' ? 'the long one' : 'the short one',
        )
      }
      await engine.adopt(sequence, ids.length, fillPages)
      return ids
    } finally {
      sequence.close()
    }
  } finally {
    await file.close()
  }
}
