/** What the headers of the weights say. */
import { elementCount, isBlockDType } from '../base/dtype.ts'
import { openModelFiles } from '../engine/model-files.ts'
import { fileFormat, isRepacked, modelType, type FileFormat } from '../engine/weights.ts'
import { localFolder } from '../formats/tree.ts'

export interface DTypeShare {
  /** As the file calls it, plain ones in our names. */
  readonly dtype: FileFormat
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
 * @throws PocketPhiError what opening a model throws
 */
export async function checkpointFacts(folder: string, weightsFile?: string): Promise<CheckpointFacts> {
  const files = await openModelFiles(localFolder(folder), weightsFile)
  try {
    const weights = await files.weights()
    const shares = new Map<FileFormat, DTypeShare>()
    for (const name of weights.names()) {
      const dtype = fileFormat(weights, name)
      const before = shares.get(dtype) ?? { dtype, tensors: 0, elements: 0, bytes: 0 }
      shares.set(dtype, {
        dtype,
        tensors: before.tensors + 1,
        elements: before.elements + elementCount(modelType(weights, name).shape),
        bytes: before.bytes + weights.info(name).bytes,
      })
    }
    const dtypes = [...shares.values()].sort((left, right) => right.elements - left.elements)
    return { bytes: dtypes.reduce((sum, { bytes }) => sum + bytes, 0), dtypes }
  } finally {
    await files.close()
  }
}

/** Bits of the integers of a format; undefined for plain numbers. */
export function bitsOf(format: FileFormat): number | undefined {
  const match = /^q(\d)/i.exec(format)
  return match === null ? undefined : Number(match[1])
}

/** Whether activations are rounded to int8 for it, unless a model is loaded to be exact. */
export function roundsActivations(format: FileFormat): boolean {
  return isRepacked(format) || isBlockDType(format)
}
