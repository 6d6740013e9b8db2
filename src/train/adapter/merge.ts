import { PocketPhiError, present, throwIfAborted } from '../../base/errors.ts'
import type { OnProgress } from '../../base/progress.ts'
import { checkTensors } from '../../engine/load.ts'
import { fileFormat, isGguf, type WeightsFile } from '../../engine/weights.ts'
import { readLogicalFloat32 } from '../../formats/packed-checkpoint.ts'
import type { Checkpoint } from '../../formats/safetensors.ts'
import { floatEntry, type TensorEntry } from '../../formats/safetensors-writer.ts'
import { adapterNames } from '../../models/adapter.ts'
import { modelParameters, type Model } from '../../models/index.ts'
import type { ParameterSpec } from '../../models/trace.ts'
import type { AdapterConfig } from './adapter-files.ts'

interface Pair {
  readonly down: Float32Array
  readonly up: Float32Array
}

export interface MergeOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: OnProgress
}

/**
 * The tensors of a model with its adapters added to the weights: W + scale · up · down. Floats keep their format; what is packed
 * becomes BF16. A tensor is read when it is written, one at a time.
 *
 * @throws PocketPhiError `invalid-file` when the weights are not those of the model, or the adapters do not fit them; `aborted`
 */
export function mergedTensors(
  model: Model,
  weights: WeightsFile,
  adapters: Checkpoint,
  { rank, scale }: AdapterConfig,
  { signal, onProgress }: MergeOptions = {},
): TensorEntry[] {
  const parameters = modelParameters(model)
  checkTensors(weights, parameters, model.isUnused)
  checkAdapters(adapters, parameters, rank)
  let done = 0
  return parameters.map((parameter): TensorEntry => {
    const { name, shape } = parameter
    const dtype = storedFormat(weights, name)
    return {
      name,
      shape,
      dtype,
      async *data() {
        throwIfAborted(signal)
        const values = await readFloats(weights, name)
        const pair = await readPair(adapters, name)
        if (pair !== undefined) addProduct(values, pair, rank, scale)
        const { data } = floatEntry(name, shape, values, dtype)
        yield* data instanceof Uint8Array ? [data] : data()
        done++
        onProgress?.({ stage: 'merging', done, total: parameters.length, unit: 'tensors' })
      },
    }
  })
}

function storedFormat(weights: WeightsFile, name: string): 'F32' | 'F16' | 'BF16' {
  switch (fileFormat(weights, name)) {
    case 'f32':
      return 'F32'
    case 'f16':
      return 'F16'
    default:
      return 'BF16'
  }
}

async function readFloats(weights: WeightsFile, name: string): Promise<Float32Array> {
  return isGguf(weights) ? await weights.readFloat32(name) : await readLogicalFloat32(weights, name)
}

async function readPair(adapters: Checkpoint, weight: string): Promise<Pair | undefined> {
  const { down, up } = adapterNames(weight)
  if (!adapters.has(down)) return undefined
  return { down: await adapters.readFloat32(down), up: await adapters.readFloat32(up) }
}

/** Checks that every adapter is that of a matrix, and every matrix of one fits. */
function checkAdapters(adapters: Checkpoint, parameters: readonly ParameterSpec[], rank: number): void {
  const expected = new Map<string, string>()
  for (const { name, shape } of parameters) {
    const [outputs = 0, inputs] = shape
    const { down, up } = adapterNames(name)
    if (inputs === undefined || !(adapters.has(down) || adapters.has(up))) continue
    expected.set(down, String([rank, inputs])).set(up, String([outputs, rank]))
  }
  const wrong = adapters.names().find((name) => String(adapters.info(name).shape) !== expected.get(name))
  const missing = [...expected.keys()].find((name) => !adapters.has(name))
  if (wrong === undefined && missing === undefined && expected.size > 0) return
  throw new PocketPhiError('invalid-file', 'The adapters are not those of this model.', {
    expected: 'for each module lora_A [rank, inputs] and lora_B [outputs, rank], named as the model names the module',
    found:
      wrong === undefined
        ? missing === undefined
          ? 'none'
          : `no ${missing}`
        : `${wrong} [${adapters.info(wrong).shape.join(', ')}]`,
    remedy: 'Merge with the model that they were trained on.',
  })
}

/** values += scale · up · down, row by row. */
function addProduct(values: Float32Array, { down, up }: Pair, rank: number, scale: number): void {
  const inputs = down.length / rank
  for (let row = 0; row < up.length / rank; row++) {
    const target = values.subarray(row * inputs, (row + 1) * inputs)
    for (let index = 0; index < rank; index++) {
      const factor = scale * present(up[row * rank + index], 'factor')
      const source = down.subarray(index * inputs, (index + 1) * inputs)
      for (let column = 0; column < inputs; column++) {
        target[column] = (target[column] as number) + factor * (source[column] as number)
      }
    }
  }
}
