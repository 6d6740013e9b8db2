/** What the headers of a checkpoint say. */
import { elementCount, type DType } from '../base/dtype.ts'
import { logicalType } from '../formats/packed-checkpoint.ts'
import { openSafetensors } from '../formats/safetensors.ts'
import { localFolder } from '../formats/tree.ts'

export interface DTypeShare {
  readonly dtype: DType
  readonly tensors: number
  readonly elements: number
  /** As stored, scales included. */
  readonly bytes: number
}

export interface CheckpointFacts {
  /** Of all tensors, as stored. */
  readonly bytes: number
  /** The number formats, those with the most elements first. */
  readonly dtypes: readonly DTypeShare[]
}

/**
 * @param weightsFile the file of the weights within the folder, where it is not called as usual
 * @throws PocketPhiError what opening a checkpoint throws
 */
export async function checkpointFacts(folder: string, weightsFile?: string): Promise<CheckpointFacts> {
  const checkpoint = await openSafetensors(localFolder(folder), weightsFile)
  try {
    const shares = new Map<DType, DTypeShare>()
    for (const name of checkpoint.names()) {
      const { dtype, shape } = logicalType(checkpoint, name)
      const before = shares.get(dtype) ?? { dtype, tensors: 0, elements: 0, bytes: 0 }
      shares.set(dtype, {
        dtype,
        tensors: before.tensors + 1,
        elements: before.elements + elementCount(shape),
        bytes: before.bytes + checkpoint.info(name).bytes,
      })
    }
    const dtypes = [...shares.values()].sort((left, right) => right.elements - left.elements)
    return { bytes: dtypes.reduce((sum, { bytes }) => sum + bytes, 0), dtypes }
  } finally {
    await checkpoint.close()
  }
}
