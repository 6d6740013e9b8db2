import { elementCount, isBlockDType } from '../../base/dtype.ts'
import { PocketPhiError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import type { Device } from '../../backends/backend.ts'
import { checkTensors } from '../../engine/load.ts'
import { openPublished } from '../../engine/model-files.ts'
import { logicalType, readLogicalFloat32 } from '../../formats/packed-checkpoint.ts'
import { floatEntry, type TensorEntry } from '../../formats/safetensors-writer.ts'
import type { Checkpoint } from '../../formats/safetensors.ts'
import { localFolder } from '../../formats/tree.ts'
import type { ParameterSpec } from '../../models/trace.ts'

/** Random weights: norms are 1, biases 0, matrices N(0, 0.02), and those that write into the residual stream smaller by sqrt(2 layers). */
export function initializeWeights(
  device: Pick<Device, 'write'>,
  parameters: readonly ParameterSpec[],
  layers: number,
  seed: number,
): void {
  for (const parameter of parameters) device.write(parameter.name, initialValues(parameter, layers, seed))
}

/** What `initializeWeights` gives one parameter. */
export function initialValues({ name, shape, initializer }: ParameterSpec, layers: number, seed: number): Float32Array {
  const values = new Float32Array(elementCount(shape))
  const random = new Random(seed).fork(name)
  const deviation = initializer === 'residual' ? 0.02 / Math.sqrt(2 * layers) : 0.02
  if (initializer === 'ones') values.fill(1)
  else if (initializer !== 'zeros') values.forEach((_, index) => (values[index] = deviation * random.normal()))
  return values
}

/**
 * Adapters that add nothing yet: `up` is 0, and `down` uniform within 1 / sqrt(inputs), as PEFT begins.
 */
export function initializeAdapters(
  device: Pick<Device, 'write'>,
  adapters: readonly ParameterSpec[],
  seed: number,
): void {
  for (const { name, shape, initializer } of adapters) {
    const values = new Float32Array(elementCount(shape))
    const random = new Random(seed).fork(name)
    const bound = initializer === 'zeros' ? 0 : 1 / Math.sqrt(shape[1] ?? 1)
    device.write(
      name,
      values.map(() => bound * (2 * random.float() - 1)),
    )
  }
}

/**
 * Reads tensors of a folder into the store, one at a time: the weights of a checkpoint in the published layout (shards
 * too), or what else was saved beside them.
 *
 * @param file where the tensors are, when not in the usual files; `isUnused` tells what may be there and is not read
 * @throws PocketPhiError `not-found` without the folder, `invalid-file` when its tensors are not those of the list,
 * `not-supported` for packed weights
 */
export async function restoreTensors(
  folder: string,
  device: Device,
  tensors: readonly ParameterSpec[],
  options: TensorFileOptions = {},
): Promise<void> {
  const checkpoint = await openFloatWeights(folder, tensors, options)
  try {
    await readWeights(checkpoint, device, tensors, options.isUnused)
  } finally {
    await checkpoint.close()
  }
}

export interface TensorFileOptions {
  readonly file?: string
  readonly isUnused?: ((name: string) => boolean) | undefined
}

/** Opens the tensors of a folder that `restoreTensors` would read. @throws PocketPhiError as that */
export async function openFloatWeights(
  folder: string,
  tensors: readonly ParameterSpec[],
  { file, isUnused }: TensorFileOptions = {},
): Promise<Checkpoint> {
  const checkpoint = await openPublished(localFolder(folder), file)
  try {
    const packed = tensors.find(({ name }) => checkpoint.has(name) && isBlockDType(logicalType(checkpoint, name).dtype))
    if (packed !== undefined) {
      throw new PocketPhiError('not-supported', `The weights in "${folder}" are packed and cannot be trained.`, {
        expected: 'float weights',
        found: `${packed.name}: ${logicalType(checkpoint, packed.name).dtype}`,
        remedy: 'Start from the checkpoint that they were quantised from.',
      })
    }
    checkTensors(checkpoint, tensors, isUnused)
    return checkpoint
  } catch (error) {
    await checkpoint.close()
    throw error
  }
}

/**
 * Reads tensors of an open checkpoint into the store, one at a time; packed ones become the floats that they stand for.
 *
 * @throws PocketPhiError `invalid-file` when its tensors are not those of the list
 */
export async function readWeights(
  checkpoint: Checkpoint,
  device: Pick<Device, 'write'>,
  tensors: readonly ParameterSpec[],
  isUnused?: (name: string) => boolean,
): Promise<void> {
  checkTensors(checkpoint, tensors, isUnused)
  for (const { name } of tensors) device.write(name, await readLogicalFloat32(checkpoint, name))
}

/** The weights as `model.safetensors`, in the published layout. */
export async function weightEntries(
  device: Device,
  parameters: readonly ParameterSpec[],
  dtype: 'F32' | 'BF16',
): Promise<TensorEntry[]> {
  const entries: TensorEntry[] = []
  for (const { name, shape } of parameters) entries.push(floatEntry(name, shape, await device.read(name), dtype))
  return entries
}
