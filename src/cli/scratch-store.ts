/** Packed matrices on the disk until their turn in the file comes. */
import { appendFile, open } from 'node:fs/promises'
import { join } from 'node:path'
import { PocketPhiError } from '../base/errors.ts'
import { systemError, withScratchFolder } from '../formats/atomic.ts'
import type { PackedStore } from '../quant/packed-store.ts'

interface Kept {
  readonly path: string
  readonly lengths: number[]
}

/**
 * Runs with a store whose files lie beside `out`, on the disk that has to hold the result anyway, and removes them.
 * @throws PocketPhiError `out-of-memory` when the disk is full
 */
export async function withScratchStore<T>(out: string, work: (store: PackedStore) => Promise<T>): Promise<T> {
  return await withScratchFolder(out, (folder) => work(storeIn(folder)))
}

function storeIn(folder: string): PackedStore {
  const tensors = new Map<string, Kept>()
  return {
    async append(name, piece) {
      const kept = tensors.get(name) ?? { path: join(folder, String(tensors.size)), lengths: [] }
      tensors.set(name, kept)
      await appendFile(kept.path, piece).catch((error: unknown) => {
        throw systemError(kept.path, error)
      })
      kept.lengths.push(piece.length)
    },
    async *pieces(name) {
      const kept = tensors.get(name)
      if (kept === undefined) throw new PocketPhiError('not-found', `"${name}" was not kept.`)
      await using file = await open(kept.path)
      for (const length of kept.lengths) {
        const piece = new Uint8Array(length)
        await file.read(piece, 0, length)
        yield piece
      }
    },
  }
}
