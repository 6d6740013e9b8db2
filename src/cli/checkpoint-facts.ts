/** What the headers of a checkpoint say. */
import { elementCount } from '../base/dtype.ts'
import { logicalType } from '../formats/packed-checkpoint.ts'
import { openSafetensors } from '../formats/safetensors.ts'
import { localFolder } from '../formats/tree.ts'

export interface DTypeShare {
  readonly dtype: string
  readonly tensors: number
  readonly elements: number
}

export interface CheckpointFacts {
  /** Of all tensors, as stored. */
  readonly bytes: number
  /** The number formats, those with the most elements first. */
  readonly dtypes: readonly DTypeShare[]
}

/** @throws PocketPhiError what opening a checkpoint throws */
export async function checkpointFacts(folder: string): Promise<CheckpointFacts> {
  const checkpoint = await openSafetensors(localFolder(folder))
  try {
    const shares = new Map<string, DTypeShare>()
    let bytes = 0
    for (const name of checkpoint.names()) {
      const { dtype, shape } = logicalType(checkpoint, name)
      const before = shares.get(dtype) ?? { dtype, tensors: 0, elements: 0 }
      shares.set(dtype, { dtype, tensors: before.tensors + 1, elements: before.elements + elementCount(shape) })
      bytes += checkpoint.info(name).bytes
    }
    const dtypes = [...shares.values()].sort((left, right) => right.elements - left.elements)
    return { bytes, dtypes }
  } finally {
    await checkpoint.close()
  }
}
