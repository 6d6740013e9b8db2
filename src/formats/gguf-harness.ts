/** GGUF files byte by byte, right or wrong, for tests: written and read by other code than that under test. */
import { ggmlNumbers, ggmlTypeOf } from '../blocks/ggml.ts'

/** A key and its value as the bytes behind the type. */
export interface RawKey {
  readonly key: string
  readonly type: number
  readonly payload: Uint8Array
}

/** An entry of the table of tensors: the fastest dimension first, as files list them. */
export interface RawTensor {
  readonly name: string
  readonly dimensions: readonly (number | bigint)[]
  readonly type: number
  readonly offset: number | bigint
}

export interface RawGguf {
  readonly magic?: string
  readonly version?: number
  /** What the file announces; the true counts when left out. */
  readonly tensorCount?: number | bigint
  readonly keyCount?: number | bigint
  readonly keys: readonly RawKey[]
  readonly tensors: readonly RawTensor[]
  readonly alignment?: number
  readonly data: Uint8Array
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

export function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer)
}

export function u64(value: number | bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(value)).buffer)
}

export function f32(value: number): Uint8Array {
  return new Uint8Array(Float32Array.of(value).buffer)
}

export function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value)
  return joined(u64(bytes.length), bytes)
}

/** A key with a number, as most are: uint32. */
export function numberKey(key: string, value: number): RawKey {
  return { key, type: 4, payload: u32(value) }
}

export function textKey(key: string, value: string): RawKey {
  return { key, type: 8, payload: text(value) }
}

export function rawBytes(raw: RawGguf): Uint8Array {
  const header = joined(
    new TextEncoder().encode(raw.magic ?? 'GGUF'),
    u32(raw.version ?? 3),
    u64(raw.tensorCount ?? raw.tensors.length),
    u64(raw.keyCount ?? raw.keys.length),
    ...raw.keys.flatMap(({ key, type, payload }) => [text(key), u32(type), payload]),
    ...raw.tensors.flatMap(({ name, dimensions, type, offset }) => [
      text(name),
      u32(dimensions.length),
      ...dimensions.map(u64),
      u32(type),
      u64(offset),
    ]),
  )
  const alignment = raw.alignment ?? 32
  return joined(header, new Uint8Array((alignment - (header.length % alignment)) % alignment), raw.data)
}

/** Bytes of the fixed-width value types by their number. */
const widths: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 }

/** Takes a valid file apart, believing everything that it says. */
export function takeApart(bytes: Uint8Array): RawGguf & { readonly dataStart: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 24
  const skipText = (): number => (at += 8 + Number(view.getBigUint64(at, true)))
  const readText = (): string => {
    const start = at + 8
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(start, skipText()))
  }
  const number = (): number => view.getUint32((at += 4) - 4, true)
  const long = (): number => Number(view.getBigUint64((at += 8) - 8, true))
  const tensorCount = Number(view.getBigUint64(8, true))
  const keyCount = Number(view.getBigUint64(16, true))
  const keys = Array.from({ length: keyCount }, (): RawKey => {
    const key = readText()
    const type = number()
    const start = at
    if (type === 8) skipText()
    else if (type !== 9) at += widths[type] as number
    else {
      const of = number()
      const count = long()
      if (of === 8) for (let index = 0; index < count; index++) skipText()
      else at += count * (widths[of] as number)
    }
    return { key, type, payload: bytes.slice(start, at) }
  })
  const tensors = Array.from({ length: tensorCount }, (): RawTensor => {
    const name = readText()
    const dimensions = Array.from({ length: number() }, long)
    return { name, dimensions, type: number(), offset: long() }
  })
  const payload = keys.find(({ key }) => key === 'general.alignment')?.payload
  const alignment = payload === undefined ? 32 : new DataView(payload.buffer).getUint32(0, true)
  const dataStart = Math.ceil(at / alignment) * alignment
  return { version: view.getUint32(4, true), keys, tensors, alignment, data: bytes.slice(dataStart), dataStart }
}

/** Bytes of a tensor, computed block by block of a row. */
export function rawTensorBytes({ type, dimensions }: RawTensor): number {
  const dtype = ggmlNumbers.get(type)
  if (dtype === undefined) throw new Error(`no type ${type}`)
  const { blockLength, blockBytes } = ggmlTypeOf(dtype)
  const [columns = 1, ...rows] = dimensions.map(Number)
  return (columns / blockLength) * blockBytes * rows.reduce((product, extent) => product * extent, 1)
}
