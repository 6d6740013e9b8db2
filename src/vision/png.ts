/**
 * PNG files without their alpha (PNG, third edition, W3C, 2025). Browsers multiply colours by alpha when they decode, and what was
 * transparent is black after that, while the reference takes the colours as they are in the file.
 */
import { mostPixels } from './layout.ts'

const signatureLength = 8

interface Chunk {
  readonly kind: string
  readonly data: Uint8Array
}

/** Samples of a pixel by colour type, of those with alpha, which is the last of them. */
const samplesWithAlpha: Readonly<Record<number, number>> = { 4: 2, 6: 4 }

/** Where the seven passes of an interlaced picture begin, and the steps between their pixels: x, y, across, down. */
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const

/**
 * The same picture, all of it opaque. A file that is not as it should be comes back as it is: what is wrong with it is said by who decodes
 * it.
 */
export async function withoutAlpha(file: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks = chunksOf(file)
  const header = chunks?.[0]
  if (chunks === undefined || header?.kind !== 'IHDR' || header.data.length !== 13) return file
  const samples = samplesWithAlpha[header.data[9] ?? 0]
  // A colour, or colours of the palette, that are transparent.
  if (samples === undefined) {
    const others = chunks.filter(({ kind }) => kind !== 'tRNS')
    return others.length === chunks.length ? file : joined(file, others)
  }
  const opaque = await opaquePixels(header.data, samples, chunks).catch(() => undefined)
  if (opaque === undefined) return file
  const data = header.data.slice()
  data[9] = (data[9] ?? 0) - 4
  const first = chunks.findIndex(({ kind }) => kind === 'IDAT')
  const others = chunks.slice(1).filter(({ kind }) => kind !== 'IDAT')
  const before = chunks.slice(1, first).length
  return joined(file, [
    { kind: 'IHDR', data },
    ...others.slice(0, before),
    { kind: 'IDAT', data: opaque },
    ...others.slice(before),
  ])
}

/** The chunks of a file up to its end; undefined for one that is cut off or damaged. */
function chunksOf(file: Uint8Array): Chunk[] | undefined {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const chunks: Chunk[] = []
  for (let at = signatureLength; at + 12 <= file.length;) {
    const length = view.getUint32(at)
    const kind = String.fromCharCode(...file.subarray(at + 4, at + 8))
    const end = at + 8 + length
    if (end + 4 > file.length || view.getUint32(end) !== crc32(file.subarray(at + 4, end))) return undefined
    chunks.push({ kind, data: file.subarray(at + 8, end) })
    if (kind === 'IEND') return chunks
    at = end + 4
  }
  return undefined
}

/** The pixels without alpha, filtered by nothing and compressed; undefined where there are more or fewer than the header says. */
async function opaquePixels(
  header: Uint8Array,
  samples: number,
  chunks: readonly Chunk[],
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const view = new DataView(header.buffer, header.byteOffset)
  const [width, height, depth, interlaced] = [view.getUint32(0), view.getUint32(4), header[8], header[12]]
  if (width * height > mostPixels || (depth !== 8 && depth !== 16)) return undefined
  const sample = depth / 8
  const lines = (interlaced === 1 ? passes : [[0, 0, 1, 1] as const]).flatMap(([x, y, across, down]) => {
    const columns = Math.ceil((width - x) / across)
    return columns > 0
      ? Array.from({ length: Math.max(0, Math.ceil((height - y) / down)) }, (_, line) => ({ columns, line }))
      : []
  })
  const total = lines.reduce((sum, { columns }) => sum + 1 + columns * samples * sample, 0)
  const compressed = new Blob(chunks.filter(({ kind }) => kind === 'IDAT').map(({ data }) => data.slice()))
  const raw = await inflated(compressed, total)
  if (raw === undefined) return undefined
  const target = new Uint8Array(lines.reduce((sum, { columns }) => sum + 1 + columns * (samples - 1) * sample, 0))
  let [from, to] = [0, 0]
  let above: Uint8Array | undefined
  for (const { columns, line } of lines) {
    const values = raw.subarray(from + 1, from + 1 + columns * samples * sample)
    if (!unfilter(raw[from] ?? 0, values, line === 0 ? undefined : above, samples * sample)) return undefined
    above = values
    from += 1 + values.length
    to += 1
    for (let pixel = 0; pixel < columns; pixel++, to += (samples - 1) * sample) {
      const start = pixel * samples * sample
      target.set(values.subarray(start, start + (samples - 1) * sample), to)
    }
  }
  return await bytesOf(new Blob([target]).stream().pipeThrough(new CompressionStream('deflate')))
}

/** @returns undefined unless there are `total` bytes: what a few bytes could become is not made */
async function inflated(compressed: Blob, total: number): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(total)
  let at = 0
  for await (const piece of compressed.stream().pipeThrough(new DecompressionStream('deflate'))) {
    if (at + piece.length > total) return undefined
    bytes.set(piece, at)
    at += piece.length
  }
  return at === total ? bytes : undefined
}

async function bytesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/** Undoes the filter of a line in place. @param step bytes of a pixel @returns whether there is such a filter */
function unfilter(filter: number, line: Uint8Array, above: Uint8Array | undefined, step: number): boolean {
  if (filter > 4) return false
  for (let at = 0; at < line.length; at++) {
    const left = at < step ? 0 : (line[at - step] as number)
    const up = above?.[at] ?? 0
    const corner = at < step ? 0 : (above?.[at - step] ?? 0)
    line[at] = (line[at] as number) + guessOf(filter, left, up, corner)
  }
  return true
}

function guessOf(filter: number, left: number, up: number, corner: number): number {
  switch (filter) {
    case 1:
      return left
    case 2:
      return up
    case 3:
      return (left + up) >> 1
    case 4:
      return paeth(left, up, corner)
    default:
      return 0
  }
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner
  const [toLeft, toUp, toCorner] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)]
  if (toLeft <= toUp && toLeft <= toCorner) return left
  return toUp <= toCorner ? up : corner
}

/** A file of these chunks. */
function joined(file: Uint8Array, chunks: readonly Chunk[]): Uint8Array<ArrayBuffer> {
  const size = chunks.reduce((sum, { data }) => sum + 12 + data.length, signatureLength)
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  bytes.set(file.subarray(0, signatureLength))
  let at = signatureLength
  for (const { kind, data } of chunks) {
    view.setUint32(at, data.length)
    bytes.set(
      [...kind].map((character) => character.charCodeAt(0)),
      at + 4,
    )
    bytes.set(data, at + 8)
    view.setUint32(at + 8 + data.length, crc32(bytes.subarray(at + 4, at + 8 + data.length)))
    at += 12 + data.length
  }
  return bytes
}

const remainders = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0)
  return value
})

function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff
  for (const byte of bytes) value = (value >>> 8) ^ (remainders[(value ^ byte) & 255] as number)
  return ~value >>> 0
}
