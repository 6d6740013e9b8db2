/**
 * What a sequence has computed, in a file: a safetensors file with the ids (I32), for the keys and the values of each layer the pages of the
 * sequence as the store has them (U8), and a checksum. Its metadata say what model, numbers and rotary table they are of. At most the pool of one
 * layer is in memory beside the store, whether a file is written or read.
 */
import type { Device } from '../backends/backend.ts'
import { isKvDType, type TensorType } from '../base/dtype.ts'
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import { kvPool } from '../blocks/kv-pool.ts'
import { openSafetensors, type Checkpoint } from '../formats/safetensors.ts'
import { writeSafetensors, type Metadata, type TensorEntry } from '../formats/safetensors-writer.ts'
import type { ByteSource } from '../formats/source.ts'
import { cacheNames } from '../models/trace.ts'
import { pageSize } from '../program/ops/cache.ts'
import type { ActivationFormat } from '../program/ops/matrix.ts'
import { tensorBytes } from '../program/plan.ts'
import type { EncodedPrompt } from './generate.ts'
import type { Regime } from './pages.ts'
import type { Scheduler } from './scheduler.ts'
import type { AdvanceOptions, Sequence } from './sequence.ts'
import { tensorsFingerprint } from './tensors-fingerprint.ts'

/** The value of "format" in the metadata. */
export const formatName = 'pocket-phi-cache-2'

/** The tensor with the checksum. It is the last of the file: tensors of one width stand there in the order of their names. */
const checksumName = 'sha256'

/** What a file holds: the ids and the rotary table that their keys were turned with. */
interface CachedText {
  readonly ids: readonly number[]
  readonly regime: Regime
}

/** What a cache is of. */
interface CacheOwner {
  readonly device: Device
  readonly layers: number
  readonly activations: ActivationFormat
  readonly vocabulary: number
}

/** What of a file is written: the pages of the pool with these numbers, in this order. */
interface CachePlaces extends CacheOwner {
  readonly pages: readonly number[]
}

/** The pools of all layers, in the order of the file. */
function poolNames(layers: number): string[] {
  return Array.from({ length: layers }, (_, layer) => Object.values(cacheNames(layer)))
    .flat()
    .sort()
}

/** SHA-256 over pieces in order, each behind the hash of those before it, since the platform hashes no streams. */
class Checksum {
  #value: Uint8Array<ArrayBuffer> = new Uint8Array(32)

  async add(piece: Uint8Array): Promise<void> {
    const bytes = new Uint8Array(this.#value.length + piece.length)
    bytes.set(this.#value)
    bytes.set(piece, this.#value.length)
    this.#value = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  }

  /** The first pieces: what the file says of itself, and the ids. The pages of all pools follow. */
  async begin(metadata: Metadata, ids: Uint8Array): Promise<void> {
    const pairs = Object.entries(metadata).sort(([left], [right]) => (left < right ? -1 : 1))
    await this.add(new TextEncoder().encode(JSON.stringify(pairs)))
    await this.add(ids)
  }

  get value(): Uint8Array {
    return this.#value
  }
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

function hexadecimal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** What the metadata of a file have to say for this device. */
async function metadataFor({ device, layers, activations }: CacheOwner): Promise<Record<string, string>> {
  const [name = ''] = poolNames(layers)
  const model = await fingerprintOf(device, layers)
  return { format: formatName, model, activations, cache_type: device.typeOf(name).dtype }
}

/**
 * The bytes of a file with a text whose keys and values are in these pages, a pool at a time; nothing else may use the device until
 * all are read.
 */
async function* cacheFileChunks(
  { ids, regime }: CachedText,
  places: CachePlaces,
): AsyncGenerator<Uint8Array, void, void> {
  const { device, layers, pages } = places
  const checksum = new Checksum()
  const entries = poolNames(layers).map((name): TensorEntry => {
    const bytes = pageBytesOf(device, name)
    const data = async function* (): AsyncGenerator<Uint8Array, void, void> {
      const pool = await device.readBytes(name)
      for (const [index, page] of pages.entries()) {
        const piece = pool.subarray(page * bytes, (page + 1) * bytes)
        clearBehind(piece, device.typeOf(name), ids.length - index * pageSize)
        await checksum.add(piece)
        yield piece
      }
    }
    return { name, dtype: 'U8', shape: [pages.length, bytes], data }
  })
  const numbers = new DataView(new ArrayBuffer(4 * ids.length))
  ids.forEach((id, index) => numbers.setInt32(4 * index, id, true))
  const idBytes = new Uint8Array(numbers.buffer)
  entries.push({ name: 'ids', dtype: 'I32', shape: [ids.length], data: idBytes })
  entries.push({ name: checksumName, dtype: 'U8', shape: [32], data: () => [checksum.value] })
  const metadata = { ...(await metadataFor(places)), rope: regime === 1 ? 'long' : 'short' }
  await checksum.begin(metadata, idBytes)
  yield* writeSafetensors(entries, metadata)
}

/** Behind the last token a page holds what was there before, perhaps of another text: zeros take its place. */
function clearBehind(page: Uint8Array, { dtype, shape }: TensorType, tokens: number): void {
  const [, heads = 0, , headSize = 0] = shape
  const packed = isKvDType(dtype) ? kvPool(dtype, page, pageSize, headSize) : undefined
  const vectorBytes = page.length / (heads * pageSize)
  for (let vector = 0; vector < heads * pageSize; vector++) {
    if (vector % pageSize < tokens) continue
    if (packed === undefined) page.fill(0, vector * vectorBytes, (vector + 1) * vectorBytes)
    else packed.write(vector, new Float64Array(headSize))
  }
}

/** An open file that was found to be of this model and its numbers, with the shapes that its ids ask for. */
interface CacheFile extends CachedText {
  /**
   * Puts the keys and values into pages of the pool.
   *
   * @throws PocketPhiError `invalid-file` where they, or anything else of the file, are not what was written, once they are in the pages; `aborted`
   */
  readonly fillPages: (pages: readonly number[], signal: AbortSignal | undefined) => Promise<void>
  close(): Promise<void>
}

/**
 * Opens a file and checks all that can be checked without its keys and values. The file owns the source.
 *
 * @throws PocketPhiError `invalid-file` for a file that is torn, of another format, model, cache type or mode, or that contradicts itself
 */
async function openCacheFile(source: ByteSource, owner: CacheOwner): Promise<CacheFile> {
  const file = await openSafetensors(source)
  try {
    const text = await checkedText(file, source.name, owner)
    const fillPages: CacheFile['fillPages'] = (pages, signal) => fillPools(file, source.name, owner, pages, signal)
    return { ...text, fillPages, close: () => file.close() }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** What the file is of, once it was found to be of this model and whole. */
async function checkedText(file: Checkpoint, path: string, owner: CacheOwner): Promise<CachedText> {
  for (const [key, expected] of Object.entries(await metadataFor(owner))) {
    if (file.metadata[key] !== expected) throw foreign(path, `${key} ${expected}`, `${file.metadata[key]}`)
  }
  const { rope } = file.metadata
  if (rope !== 'short' && rope !== 'long') throw foreign(path, 'rope "short" or "long"', `${rope}`)
  const ids = await readIds(file, path, owner.vocabulary)
  const pages = Math.ceil(ids.length / pageSize)
  const names = poolNames(owner.layers)
  const tensors = new Set([...names, 'ids', checksumName])
  const unknown = file.names().find((name) => !tensors.has(name))
  if (unknown !== undefined) throw foreign(path, 'ids, keys, values and a checksum alone', unknown)
  for (const name of names) checkTensor(file, path, name, 'U8', [pages, pageBytesOf(owner.device, name)])
  checkTensor(file, path, checksumName, 'U8', [32])
  return { ids, regime: rope === 'long' ? 1 : 0 }
}

/** See `CacheFile.fillPages`. */
async function fillPools(
  file: Checkpoint,
  path: string,
  { device, layers }: CacheOwner,
  pages: readonly number[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const checksum = new Checksum()
  await checksum.begin(file.metadata, await file.read('ids'))
  for (const name of poolNames(layers)) {
    throwIfAborted(signal)
    await fillPool(file, device, name, pages, checksum)
  }
  const [expected, found] = [await file.read(checksumName), checksum.value].map(hexadecimal)
  if (expected !== found) throw damaged(path, `${expected}`, `${found}`)
}

async function readIds(file: Checkpoint, path: string, vocabulary: number): Promise<number[]> {
  const count = file.has('ids') ? (file.info('ids').shape[0] ?? 0) : 0
  checkTensor(file, path, 'ids', 'I32', [Math.max(1, count)])
  const bytes = await file.read('ids')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const ids = Array.from({ length: count }, (_, index) => view.getInt32(4 * index, true))
  const unknown = ids.find((id) => id < 0 || id >= vocabulary)
  if (unknown !== undefined) throw foreign(path, `ids from 0 to ${vocabulary - 1}`, `${unknown}`)
  return ids
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

/** Reads the pages of a pool into place. A device fills tensors whole: what other pages hold goes in again. */
async function fillPool(
  file: Checkpoint,
  device: Device,
  name: string,
  pages: readonly number[],
  checksum: Checksum,
): Promise<void> {
  const pool = await device.readBytes(name)
  const length = pageBytesOf(device, name)
  for (const [index, page] of pages.entries()) {
    const into = pool.subarray(page * length, (page + 1) * length)
    await file.read(name, { into, range: { offset: index * length, length } })
    await checksum.add(into)
  }
  await device.fill(name, (target, offset) => target.set(pool.subarray(offset, offset + target.length)))
}

function foreign(path: string, expected: string, found: string): PocketPhiError {
  return new PocketPhiError('invalid-file', `"${path}" is no saved cache of this model as it is loaded.`, {
    expected,
    found,
    remedy:
      'Open it with the weights, formats, cache type and mode with which it was saved, or let the model read the text again.',
  })
}

function damaged(path: string, expected: string, found: string): PocketPhiError {
  return new PocketPhiError('invalid-file', `"${path}" is damaged: its contents are not those that were saved.`, {
    expected: `the checksum ${expected}`,
    found,
    remedy: 'Copy it again if it is a copy, or let the model read the text again.',
  })
}

/** Takes the bytes of a file, and resolves when they are written. */
export type WriteChunks = (chunks: AsyncIterable<Uint8Array>) => Promise<void>

function ownerOf({ device, programs }: Scheduler): CacheOwner {
  return {
    device,
    layers: programs.model.shape.layers,
    activations: programs.activations,
    vocabulary: programs.model.shape.vocabulary,
  }
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
    const places = { ...ownerOf(engine), pages: engine.pagesOf(sequence) }
    await write(cacheFileChunks({ ids: sequence.ids.slice(0, computed), regime }, places))
  })
}

/**
 * Reads a text, as far as it is not in the cache, and saves what was computed of it.
 *
 * @throws PocketPhiError as `saveCache`; `context-full`, `aborted`
 */
export async function readAndSave(
  engine: Scheduler,
  { ids, pictures }: EncodedPrompt,
  write: WriteChunks,
  options: AdvanceOptions = {},
): Promise<void> {
  const { signal } = options
  const sequence = await engine.open(ids, { reserve: ids.length, pictures, signal })
  try {
    await sequence.logits(options)
    await saveCache(engine, sequence, write)
  } finally {
    sequence.close()
  }
}

/**
 * Puts what was saved back into the cache, where sequences that begin with it find it; resolves to its ids. Of a file that cannot be
 * used nothing is found there.
 *
 * @throws PocketPhiError `invalid-file`, `context-full`, `aborted`
 */
export async function openCache(
  engine: Scheduler,
  source: ByteSource,
  { signal }: Pick<AdvanceOptions, 'signal'> = {},
): Promise<readonly number[]> {
  const file = await engine.alone(() => openCacheFile(source, ownerOf(engine)))
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
      await engine.adopt(sequence, ids.length, (pages) => fillPages(pages, signal))
      return ids
    } finally {
      sequence.close()
    }
  } finally {
    await file.close()
  }
}
