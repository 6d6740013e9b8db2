/**
 * Where packed matrices wait: a model is calibrated in the order of its layers, while its file holds them in the order of
 * their names.
 */
import { PocketPhiError } from '../base/errors.ts'

export interface PackedStore {
  /** Adds a piece to the bytes of a tensor. */
  append(name: string, piece: Uint8Array): Promise<void>
  /** The pieces of a tensor, as they were added. */
  pieces(name: string): AsyncIterable<Uint8Array>
}

/** Keeps everything in memory, which for most models is half a byte for each weight. */
export function memoryStore(): PackedStore {
  const tensors = new Map<string, Uint8Array[]>()
  return {
    append(name, piece) {
      tensors.set(name, [...(tensors.get(name) ?? []), piece])
      return Promise.resolve()
    },
    async *pieces(name) {
      const pieces = tensors.get(name)
      if (pieces === undefined) throw new PocketPhiError('not-found', `"${name}" was not kept.`)
      yield* pieces
    },
  }
}
