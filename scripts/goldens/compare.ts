/** Differences between what was computed and what was expected, and the rows that report them. */
import type { Backend, Device } from '../../src/backends/backend.ts'
import { isQuantizedDType } from '../../src/base/dtype.ts'
import { openSafetensors, type Checkpoint } from '../../src/formats/safetensors.ts'
import type { FileTree } from '../../src/formats/tree.ts'
import type { ParameterSpec } from '../../src/models/trace.ts'

/** One kind of number within a row: the largest absolute difference and what is allowed. */
export interface Measured {
  readonly what: string
  readonly difference: number
  readonly tolerance: number
}

/** One line of the report. */
export interface Row {
  readonly folder: string
  readonly name: string
  readonly measured: readonly Measured[]
  /** Set where nothing was compared. */
  readonly skipped?: string
  /** Whether the numbers depend on weights; all such rows must fail with `--perturb`. */
  readonly usesWeights: boolean
}

export interface Settings {
  readonly backend: Backend
  readonly perturb: boolean
}

/** Tolerances of the goldens' README. */
export const tolerances = { logits: 1e-4, gradients: 2e-5, parameters: 1e-5, losses: 1e-5, probabilities: 1e-6 }

export function passes(row: Row): boolean {
  return row.measured.every(({ difference, tolerance }) => difference <= tolerance)
}

/** The largest absolute difference; infinite where lengths differ or anything is not a number. */
export function largestDifference(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  counts: (index: number) => boolean = () => true,
): number {
  if (actual.length !== expected.length) return Infinity
  let largest = 0
  for (let index = 0; index < actual.length; index++) {
    if (!counts(index)) continue
    const [left, right] = [actual[index] as number, expected[index] as number]
    const difference = left === right ? 0 : Math.abs(left - right)
    if (Number.isNaN(difference)) return Infinity
    largest = Math.max(largest, difference)
  }
  return largest
}

/** Opens a safetensors file, hands it on, closes it. */
export async function withTensors<T>(
  tree: FileTree,
  file: string,
  body: (tensors: Checkpoint) => Promise<T>,
): Promise<T> {
  const tensors = await openSafetensors(tree, file)
  try {
    return await body(tensors)
  } finally {
    await tensors.close()
  }
}

export async function readIntegers(tensors: Checkpoint, name: string): Promise<Int32Array> {
  const bytes = await tensors.read(name)
  return new Int32Array(bytes.slice().buffer)
}

/**
 * With `--perturb`: makes the last matrix one per cent too large, which every comparison has to notice; where it is in blocks,
 * the weights of the norm before it.
 */
export async function perturbHead(
  device: Device,
  parameters: readonly ParameterSpec[],
  settings: Settings,
): Promise<void> {
  if (!settings.perturb) return
  const names = parameters.map(({ name }) => name)
  const head = names.find((name) => name === 'lm_head.weight') ?? names.find((name) => name.includes('embed_tokens'))
  if (head === undefined) throw new Error('there is no head to perturb')
  const name = isQuantizedDType(device.typeOf(head).dtype) ? 'model.norm.weight' : head
  const values = await device.read(name)
  device.write(
    name,
    values.map((value) => value * 1.01),
  )
}

export function greatest(values: ArrayLike<number>): number {
  let best = 0
  for (let index = 1; index < values.length; index++) {
    if ((values[index] as number) > (values[best] as number)) best = index
  }
  return best
}
