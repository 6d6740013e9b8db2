/** What a model folder asks to be computed; read without looking at any expected value. */
import type { FileTree } from '../../src/formats/tree.ts'
import { readIntegers, withTensors } from './compare.ts'

/** One sequence of a case: the rows of the padded batch that are real, in order. */
export interface CaseSequence {
  /** Index of its first real row in the flattened batch. */
  readonly start: number
  readonly ids: readonly number[]
}

export interface Case {
  readonly name: string
  readonly batch: number
  readonly length: number
  readonly ids: Int32Array
  readonly positions: Int32Array
  /** 1 for rows that count. */
  readonly mask: Int32Array
  readonly sequences: readonly CaseSequence[]
  /** Tokens of the longest sequence; decides the rotary table of the whole batch, as in the reference. */
  readonly longest: number
  readonly weightsFile: string | undefined
  /** Fields of the configuration that have another value in this case. */
  readonly overrides: Readonly<Record<string, unknown>>
}

export interface GreedyCase {
  readonly name: string
  readonly prompt: readonly number[]
  readonly steps: number
}

export interface GoldenJson {
  readonly cases?: readonly string[]
  readonly loss?: Readonly<Record<string, number>>
  readonly grads?: string
  readonly [name: string]: unknown
}

export interface Tasks {
  readonly cases: readonly Case[]
  readonly greedy: readonly GreedyCase[]
  /** The case that losses and gradients are of. */
  readonly lossCase: string | undefined
}

export async function readGoldenJson(tree: FileTree): Promise<GoldenJson> {
  return (await tree.has('golden.json')) ? ((await tree.readJson('golden.json')) as GoldenJson) : {}
}

/** A model and the file of its golden numbers. */
export interface GoldenModel {
  readonly tree: FileTree
  readonly goldenFile: string
  /** The file of the weights, where it is not called as usual. */
  readonly weightsFile?: string
}

export async function readTasks({ tree, goldenFile, weightsFile }: GoldenModel): Promise<Tasks> {
  const json = await readGoldenJson(tree)
  return await withTensors(tree, goldenFile, async (tensors) => {
    const cases: Case[] = []
    const greedy: GreedyCase[] = []
    for (const key of tensors.names()) {
      const name = key.slice(0, key.lastIndexOf('.'))
      if (key.endsWith('.input_ids')) {
        const [batch = 1, length = 1] = tensors.info(key).shape
        const ids = await readIntegers(tensors, key)
        const optional = async (field: string): Promise<Int32Array | undefined> =>
          tensors.has(`${name}.${field}`) ? await readIntegers(tensors, `${name}.${field}`) : undefined
        const mask = (await optional('attention_mask')) ?? new Int32Array(ids.length).fill(1)
        const positions = await optional('position_ids')
        const file = weightsFile ?? (await weightsFileOf(tree, json, name))
        const overrides = overridesOf(json, name)
        cases.push({ ...makeCase(batch, length, ids, mask, positions), name, weightsFile: file, overrides })
      } else if (key.endsWith('.step_logits')) {
        const { prompt } = json[name] as { prompt: number[] }
        greedy.push({ name, prompt, steps: tensors.info(key).shape[0] ?? 0 })
      }
    }
    const lossCase = /case "([^"]+)"/.exec(json.grads ?? '')?.[1] ?? Object.keys(json.loss ?? {})[0]
    return { cases, greedy, lossCase }
  })
}

/** A case may say `name (load other.safetensors)`. */
async function weightsFileOf(tree: FileTree, json: GoldenJson, name: string): Promise<string | undefined> {
  const remark = json.cases?.find((text) => text.split(' ')[0] === name && text.includes('(load '))
  const named = remark === undefined ? undefined : /\(load ([^)]+)\)/.exec(remark)?.[1]
  if (named !== undefined) return named
  return name === 'bf16_weights' && (await tree.has('model.bf16.safetensors')) ? 'model.bf16.safetensors' : undefined
}

/** What golden.json says as `CASE_FIELD`, such as `wide_router_jitter_noise`, is a field of the configuration in that case. */
function overridesOf(json: GoldenJson, name: string): Readonly<Record<string, unknown>> {
  const prefix = `${name}_`
  const own = Object.entries(json).filter(([key, value]) => key.startsWith(prefix) && typeof value === 'number')
  return Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value]))
}

function makeCase(
  batch: number,
  length: number,
  ids: Int32Array,
  mask: Int32Array,
  positionIds: Int32Array | undefined,
): Omit<Case, 'name' | 'weightsFile' | 'overrides'> {
  const positions = positionIds ?? ids.map((_, index) => index % length)
  const sequences = Array.from({ length: batch }, (_, row) => {
    const first = row * length + mask.subarray(row * length, (row + 1) * length).indexOf(1)
    const count = mask.subarray(row * length, (row + 1) * length).reduce((sum, bit) => sum + bit, 0)
    return { start: first, ids: [...ids.subarray(first, first + count)] }
  })
  const longest = Math.max(...sequences.map((sequence) => sequence.ids.length))
  return { batch, length, ids, positions, mask, sequences, longest }
}
