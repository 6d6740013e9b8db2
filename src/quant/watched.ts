import { throwIfAborted } from '../base/errors.ts'
import type { OnProgress } from '../base/progress.ts'
import type { ByteChunks } from '../formats/safetensors-writer.ts'

interface Written {
  readonly data: Uint8Array | (() => ByteChunks)
}

export interface WatchOptions {
  readonly onProgress?: OnProgress | undefined
  readonly signal?: AbortSignal | undefined
}

/** Tensors to be written that say how far they are while they are, and stop when they are to (`aborted`). */
export function watched<Entry extends Written>(
  entries: readonly Entry[],
  stage: string,
  total: number,
  { onProgress, signal }: WatchOptions,
): Entry[] {
  let done = 0
  const watch = async function* (data: Written['data']): AsyncGenerator<Uint8Array> {
    for await (const piece of data instanceof Uint8Array ? [data] : data()) {
      throwIfAborted(signal)
      yield piece
      done += piece.length
      onProgress?.({ stage, done, total, unit: 'bytes' })
    }
  }
  return entries.map((entry) => ({ ...entry, data: () => watch(entry.data) }))
}
