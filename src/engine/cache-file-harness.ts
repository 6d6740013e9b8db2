/** The files of saved caches taken apart and put together again, for tests. */
import { createHash } from 'node:crypto'
import { openSafetensors } from '../formats/safetensors.ts'
import { bytesSource } from '../formats/source.ts'

/** A tensor of such a file. */
export interface CacheTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data: Uint8Array
}

export interface CacheParts<Tensor extends CacheTensor = CacheTensor> {
  readonly tensors: readonly Tensor[]
  readonly metadata: Readonly<Record<string, string>>
}

/** What is in a file. */
export async function cacheParts(bytes: Uint8Array) {
  const file = await openSafetensors(bytesSource(bytes))
  const tensors = await Promise.all(
    file.names().map(async (name) => {
      const { dtype, shape } = file.info(name)
      return { name, dtype, shape, data: Uint8Array.from(await file.read(name)) }
    }),
  )
  return { tensors, metadata: file.metadata }
}

/** The checksum as docs/guide/run.md says: metadata, ids, then the pages of the pools in the order of their names. */
export function cacheChecksum({ tensors, metadata }: CacheParts): Uint8Array {
  const named = new Map(tensors.map((tensor) => [tensor.name, tensor]))
  const pairs = Object.entries(metadata).sort(([left], [right]) => (left < right ? -1 : 1))
  const pieces: Uint8Array[] = [new TextEncoder().encode(JSON.stringify(pairs))]
  const ids = named.get('ids')
  if (ids !== undefined) pieces.push(ids.data)
  for (const name of [...named.keys()].filter((key) => key.startsWith('cache.')).sort()) {
    const { data, shape } = named.get(name) as CacheTensor
    const length = Math.max(1, shape[1] ?? 1)
    for (let at = 0; at < data.length; at += length) pieces.push(data.subarray(at, at + length))
  }
  let value: Uint8Array = new Uint8Array(32)
  for (const piece of pieces) value = createHash('sha256').update(value).update(piece).digest()
  return Uint8Array.from(value)
}

/** The same with the checksum that fits. */
export function signed<Tensor extends CacheTensor>(parts: CacheParts<Tensor>): CacheParts<Tensor> {
  const data = cacheChecksum(parts)
  const tensors = parts.tensors.map((tensor) => (tensor.name === 'sha256' ? { ...tensor, data } : tensor))
  return { ...parts, tensors }
}
