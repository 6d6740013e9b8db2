/**
 * Files as streams of bytes: plain, gzip (one member or one for each record) or Zstandard. What is damaged is an item of the stream, after which
 * it goes on with the next member that can be found.
 */
import { Readable } from 'node:stream'
import { constants, crc32, createInflateRaw, createZstdDecompress } from 'node:zlib'
import type { ByteSource } from '../../../formats/source.ts'

/** A place where bytes are missing. What was read before it and what comes after it do not belong together. */
export interface Damage {
  /** Bytes of the file before the damaged part. */
  readonly offset: number
  readonly message: string
  /** Whether what was given from the offset on is wrong as well. */
  readonly taints?: boolean
}

export type StreamItem = Uint8Array | Damage

export function isDamage(item: StreamItem): item is Damage {
  return !(item instanceof Uint8Array)
}

const blockBytes = 1 << 20

/**
 * The bytes of a source from an offset on, block by block. Two blocks stay in memory: whoever inflates a member asks for the block behind it before its
 * end is known, and the next member begins in the block before that.
 */
class BlockReader {
  readonly #source: ByteSource
  readonly #blocks: { readonly start: number; readonly bytes: Uint8Array }[] = []

  constructor(source: ByteSource) {
    this.#source = source
  }

  get size(): number {
    return this.#source.size
  }

  /** At least one byte from this offset on, and nothing at the end. */
  async at(offset: number): Promise<Uint8Array> {
    const start = offset - (offset % blockBytes)
    const known = this.#blocks.find((block) => block.start === start)
    if (known !== undefined) return known.bytes.subarray(offset - start)
    const bytes = await this.#source.read(start, Math.max(0, Math.min(blockBytes, this.size - start)))
    this.#blocks.unshift({ start, bytes })
    this.#blocks.length = Math.min(2, this.#blocks.length)
    return bytes.subarray(offset - start)
  }

  async *from(offset: number): AsyncGenerator<Uint8Array, void> {
    for (let at = offset; at < this.size;) {
      const bytes = await this.at(at)
      at += bytes.length
      yield bytes
    }
  }

  /** Exactly these bytes, or fewer at the end. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.size - offset)))
    for (let done = 0; done < bytes.length;) {
      const part = (await this.at(offset + done)).subarray(0, bytes.length - done)
      bytes.set(part, done)
      done += part.length
    }
    return bytes
  }
}

const startsWith = (bytes: Uint8Array, magic: readonly number[]): boolean =>
  magic.every((byte, index) => bytes[index] === byte)

const gzipMagic = [0x1f, 0x8b, 0x08]
const zstdMagic = [0x28, 0xb5, 0x2f, 0xfd]

/**
 * The content of a file, decompressed as its first bytes say.
 *
 * @throws PocketPhiError what the source throws
 */
export async function* openStream(source: ByteSource): AsyncGenerator<StreamItem, void> {
  const blocks = new BlockReader(source)
  const head = await blocks.read(0, 4)
  const isGzip = startsWith(head, gzipMagic)
  // The first bytes of all may be the damaged ones.
  const isTorn = !isGzip && /\.gz(?:\.|$)/.test(source.name) && (await nextMember(blocks, 0)) !== undefined
  if (isGzip || isTorn) yield* gunzip(blocks)
  else if (startsWith(head, zstdMagic)) yield* unzstd(blocks)
  else yield* blocks.from(0)
}

async function* unzstd(blocks: BlockReader): AsyncGenerator<StreamItem, void> {
  const stream = Readable.from(blocks.from(0)).pipe(createZstdDecompress())
  try {
    for await (const chunk of stream) yield chunk as Uint8Array
  } catch (error) {
    yield { offset: 0, message: `Zstandard: ${messageOf(error)}` }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Member after member (RFC 1952). After a damaged one the next is where the first bytes of a header are found. */
async function* gunzip(blocks: BlockReader): AsyncGenerator<StreamItem, void> {
  for (let at: number | undefined = 0; at !== undefined && at < blocks.size;) {
    const member = new Member(blocks, at)
    yield* member.content()
    at = member.next ?? (await nextMember(blocks, at + 1))
  }
}

/** Where the next bytes are that a member could begin with. */
async function nextMember(blocks: BlockReader, from: number): Promise<number | undefined> {
  let tail: readonly number[] = []
  let at = from
  for await (const bytes of blocks.from(from)) {
    // A header may lie across two blocks.
    const searched = Uint8Array.of(...tail, ...bytes.subarray(0, 2))
    const across = tail.length > 0 ? indexOfMagic(searched) : -1
    if (across >= 0) return at - tail.length + across
    const inside = indexOfMagic(bytes)
    if (inside >= 0) return at + inside
    tail = [...bytes.subarray(-2)]
    at += bytes.length
  }
  return undefined
}

function indexOfMagic(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(0x1f); at >= 0; at = bytes.indexOf(0x1f, at + 1)) {
    if (bytes[at + 1] === 0x8b && bytes[at + 2] === 0x08) return at
  }
  return -1
}

/** Bits of a member's flags, and those that must be 0. */
const flag = { headerChecksum: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 }
/** Names and comments longer than this are no names. */
const longestHeader = 1 << 16

class Member {
  readonly #blocks: BlockReader
  readonly #start: number
  /** Where the next member begins, once this one was whole. */
  next: number | undefined

  constructor(blocks: BlockReader, start: number) {
    this.#blocks = blocks
    this.#start = start
  }

  async *content(): AsyncGenerator<StreamItem, void> {
    const body = await this.#bodyOffset()
    if (body === undefined) {
      const rest = await this.#blocks.read(this.#start, 512)
      // Some writers fill up the last block of a tape with zeros.
      if (rest.every((byte) => byte === 0) && this.#start + rest.length >= this.#blocks.size) return
      yield this.#damage('no gzip header')
      return
    }
    const inflate = createInflateRaw({ chunkSize: 1 << 16 })
    const input = Readable.from(this.#blocks.from(body), { highWaterMark: 1 })
    input.on('error', (error) => inflate.destroy(error)).pipe(inflate)
    let checksum = 0
    let size = 0
    try {
      for await (const chunk of inflate as AsyncIterable<Uint8Array>) {
        checksum = crc32(chunk, checksum)
        size += chunk.length
        yield chunk
      }
    } catch (error) {
      if (!isZlibError(error)) throw error
      yield this.#damage(error.message)
      return
    } finally {
      input.destroy()
    }
    const end = body + inflate.bytesWritten
    const trailer = await this.#blocks.read(end, 8)
    const view = new DataView(trailer.buffer, trailer.byteOffset, trailer.length)
    if (trailer.length < 8) yield { ...this.#damage('the member has no end'), taints: true }
    else if (view.getUint32(0, true) !== checksum || view.getUint32(4, true) !== size % 2 ** 32) {
      yield { ...this.#damage('the checksum does not agree'), taints: true }
    }
    this.next = end + 8
  }

  #damage(message: string): Damage {
    return { offset: this.#start, message: `gzip: ${message}` }
  }

  /** Where the compressed bytes begin; undefined where there is no header. */
  async #bodyOffset(): Promise<number | undefined> {
    const head = await this.#blocks.read(this.#start, 12)
    const flags = head[3] ?? flag.reserved
    if (!startsWith(head, gzipMagic) || (flags & flag.reserved) !== 0) return undefined
    let at = this.#start + 10
    if ((flags & flag.extra) !== 0) at += 2 + (head[10] ?? 0) + 256 * (head[11] ?? 0)
    for (const text of [flag.name, flag.comment]) {
      if ((flags & text) === 0) continue
      const end = (await this.#blocks.read(at, longestHeader)).indexOf(0)
      if (end < 0) return undefined
      at += end + 1
    }
    return (flags & flag.headerChecksum) === 0 ? at : at + 2
  }
}

const zlibErrors = new Set(Object.keys(constants).filter((name) => /^Z_.*_ERROR$/.test(name)))

function isZlibError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && zlibErrors.has(String(error.code))
}
