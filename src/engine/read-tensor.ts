/** Reading a tensor piece by piece, the next pieces while one is worked on. */
import { throwIfAborted } from '../base/errors.ts'
import { readsAtOnce, type PieceReader } from './weights.ts'

export interface ReadTensorOptions {
  readonly signal?: AbortSignal | undefined
  /** After each piece, how many bytes of the tensor it has filled. */
  readonly onPiece?: (bytes: number) => void
}

/**
 * Fills bytes of a tensor of the store.
 *
 * @param offset where they begin in the whole tensor
 * @throws PocketPhiError `aborted`, `invalid-file`, and what the source of the weights throws; nothing is being read any more then
 */
export async function readTensor(
  reader: PieceReader,
  bytes: Uint8Array,
  offset: number,
  { signal, onPiece }: ReadTensorOptions = {},
): Promise<void> {
  const starts = Array.from({ length: Math.ceil(bytes.length / reader.step) }, (_, index) => index * reader.step)
  const read = (at: number): Promise<() => void> => {
    throwIfAborted(signal)
    return reader.readPiece(bytes.subarray(at, at + reader.step), offset + at)
  }
  await inTurn(starts, read, (finish, at) => {
    finish()
    onPiece?.(Math.min(reader.step, bytes.length - at))
  })
}

/**
 * Uses what is read for each item, in order, while the next ones are being read. No read goes on behind the back of an error.
 */
async function inTurn<Item, Result>(
  items: readonly Item[],
  read: (item: Item) => Promise<Result>,
  use: (result: Result, item: Item) => void,
): Promise<void> {
  const reads: Promise<Result>[] = []
  try {
    for (const [index, item] of items.entries()) {
      for (const ahead of items.slice(index + reads.length, index + readsAtOnce)) reads.push(awaitedLater(read(ahead)))
      const [first] = reads
      if (first === undefined) throw new Error('defect: nothing is being read')
      const result = await first
      use(result, item)
      void reads.shift()
    }
  } catch (error) {
    await Promise.allSettled(reads)
    throw error
  }
}

/** A promise that may fail before it is awaited, without that being an error that nobody sees to. */
function awaitedLater<Result>(promise: Promise<Result>): Promise<Result> {
  promise.catch(() => {})
  return promise
}
