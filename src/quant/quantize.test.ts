import { describe, expect, it } from 'vitest'
import { referenceBackend } from '../backends/ref/index.ts'
import type { Progress } from '../base/progress.ts'
import { loadCheckpoint } from '../engine/load.ts'
import { someIds, tinyConfig, tinyFiles } from '../engine/tiny-model-harness.ts'
import { logicalType, readLogicalFloat32 } from '../formats/packed-checkpoint.ts'
import { floatEntry, safetensorsBytes, type TensorEntry } from '../formats/safetensors-writer.ts'
import { openSafetensors, type Checkpoint } from '../formats/safetensors.ts'
import { memoryFolder } from '../formats/tree.ts'
import { modelFromConfig, type Model } from '../models/index.ts'
import { traceSequences } from '../models/trace.ts'
import { quantize, type QuantizeOptions } from './quantize.ts'
import type { TensorError } from './rounding.ts'

/** All columns are multiples of 64, not all of 128. */
const sizes = { hidden_size: 64, intermediate_size: 192, num_attention_heads: 4, num_key_value_heads: 2 }
const config = tinyConfig({ config: sizes })

type Files = Map<string, Uint8Array>

async function filesOf(changes: Readonly<Record<string, unknown>> = {}): Promise<Files> {
  return await tinyFiles({ config: { ...sizes, ...changes } })
}

async function open(files: Files): Promise<Checkpoint> {
  return await openSafetensors(memoryFolder(files))
}

interface Packed {
  readonly bytes: Uint8Array
  readonly errors: readonly TensorError[]
}

async function pack(checkpoint: Checkpoint, options: QuantizeOptions = {}, model?: Model): Promise<Packed> {
  const { file, errors } = quantize(model ?? modelFromConfig(config), checkpoint, options)
  const pieces: Uint8Array[] = []
  for await (const piece of file) pieces.push(piece)
  return { bytes: new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer()), errors }
}

async function packedFiles(options: QuantizeOptions = {}): Promise<Files> {
  const files = await filesOf()
  files.set('model.safetensors', (await pack(await open(files), options)).bytes)
  return files
}

async function logitsOf(files: Files): Promise<Float32Array> {
  const engine = await loadCheckpoint(memoryFolder(files), referenceBackend(), {
    context: 64,
    maxRows: 16,
    exact: true,
  })
  try {
    return (await (await engine.open(someIds(12, 3))).logits()).slice()
  } finally {
    await engine.dispose()
  }
}

/** The root mean square of the difference over that of the reference, in float64 and in plain loops. */
function distance(found: Float32Array, reference: Float32Array): number {
  let [error, size] = [0, 0]
  for (let index = 0; index < reference.length; index++) {
    error += ((found[index] as number) - (reference[index] as number)) ** 2
    size += (reference[index] as number) ** 2
  }
  return Math.sqrt(error / size)
}

/** The files with tensors changed, added or left out (undefined). */
async function changed(tensors: Readonly<Record<string, readonly number[] | undefined>>): Promise<Checkpoint> {
  const checkpoint = await open(await filesOf())
  const entries: TensorEntry[] = []
  for (const name of new Set([...checkpoint.names(), ...Object.keys(tensors)])) {
    const shape = Object.hasOwn(tensors, name) ? tensors[name] : checkpoint.info(name).shape
    if (shape === undefined) continue
    const count = shape.reduce((product, extent) => product * extent, 1)
    entries.push(floatEntry(name, shape, new Float32Array(count).fill(0.5)))
  }
  return await open(new Map([['model.safetensors', await safetensorsBytes(entries)]]))
}

const down = 'model.layers.1.mlp.down_proj.weight'

describe('quantize', () => {
  it.each([
    { bits: 4, group: 32, near: 0.6 },
    { bits: 4, group: 64, near: 0.7 },
    { bits: 8, group: 64, near: 0.04 },
  ] as const)('makes a model whose logits are close: $bits bits, groups of $group', async ({ bits, group, near }) => {
    const files = await filesOf()
    const packed = await packedFiles({ bits, group })
    const checkpoint = await open(packed)
    const { parameters } = traceSequences(modelFromConfig(config), 'parameters', 1)
    expect(checkpoint.names()).toEqual(parameters.map(({ name }) => name).sort())
    for (const { name, shape } of parameters) {
      expect(logicalType(checkpoint, name)).toEqual({ dtype: shape.length === 2 ? `q${bits}g${group}` : 'f32', shape })
    }
    const [before, after] = [await logitsOf(files), await logitsOf(packed)]
    // Random weights have no margins: rounding of 8 % in each matrix adds up. 8 bits are 16 times as close.
    expect(distance(after, before)).toBeLessThan(near)
    expect(distance(after, before)).toBeGreaterThan(near / 20)

    // What the packed file means, written out in full, is the same model.
    const entries: TensorEntry[] = []
    for (const { name, shape } of parameters) {
      entries.push(floatEntry(name, shape, await readLogicalFloat32(checkpoint, name)))
    }
    const dense = await logitsOf(new Map([...packed, ['model.safetensors', await safetensorsBytes(entries)]]))
    expect(distance(after, dense)).toBeLessThan(1e-5)
  })

  it('leaves vectors as they are', async () => {
    const [before, after] = [await open(await filesOf()), await open(await packedFiles())]
    const vectors = before.names().filter((name) => before.info(name).shape.length === 1)
    expect(vectors.length).toBe(5)
    for (const name of vectors) expect(await after.readFloat32(name)).toEqual(await before.readFloat32(name))
  })

  it('says how far each matrix is from what it was', async () => {
    const before = await open(await filesOf())
    const { bytes, errors } = await pack(before, { eightBits: (name) => name.includes('layers.0') })
    const after = await open(new Map([['model.safetensors', bytes]]))
    expect(errors.map(({ name }) => name).sort()).toEqual(
      before.names().filter((name) => before.info(name).shape.length === 2),
    )
    for (const { name, dtype, relativeError } of errors) {
      const measured = distance(await readLogicalFloat32(after, name), await before.readFloat32(name))
      expect(relativeError / measured).toBeCloseTo(1, 6)
      const [low, high] = dtype === 'q8g32' ? [0.002, 0.01] : [0.04, 0.12]
      expect(measured).toBeGreaterThan(low)
      expect(measured).toBeLessThan(high)
    }
  })

  it('gives eight bits to the matrices that are asked for, and to no other', async () => {
    const names: string[] = []
    const eightBits = (name: string): boolean => {
      names.push(name)
      return name === down
    }
    const { bytes, errors } = await pack(await open(await filesOf()), { eightBits, group: 64 })
    expect(errors.filter(({ dtype }) => dtype === 'q8g64').map(({ name }) => name)).toEqual([down])
    expect(errors.filter(({ dtype }) => dtype === 'q4g64')).toHaveLength(errors.length - 1)
    expect(names.sort()).toEqual(errors.map(({ name }) => name).sort())
    const after = await open(new Map([['model.safetensors', bytes]]))
    expect(logicalType(after, down).dtype).toBe('q8g64')
  })

  it('refuses weights that are packed already', async () => {
    const checkpoint = await open(await packedFiles())
    expect(() => quantize(modelFromConfig(config), checkpoint)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining('quantised already') }),
    )
  })

  it.each([
    ['a shape that is not that of the configuration', { [down]: [64, 224] }, down],
    ['a tensor that the model does not use', { 'base.q_proj.lora_A.weight': [8, 64] }, 'lora_A'],
    ['a tensor that is missing', { [down]: undefined }, down],
    ['a matrix laid out as a vector', { [down]: [64 * 192] }, down],
  ])('refuses %s', async (_, tensors, named) => {
    const checkpoint = await changed(tensors)
    expect(() => quantize(modelFromConfig(config), checkpoint)).toThrow(
      expect.objectContaining({ code: 'invalid-file', message: expect.stringContaining(named) }),
    )
  })

  it('refuses a vocabulary smaller than that of the weights', async () => {
    const checkpoint = await open(await filesOf())
    const model = modelFromConfig({ ...config, vocab_size: 300 })
    expect(() => quantize(model, checkpoint)).toThrow(expect.objectContaining({ code: 'invalid-file' }))
  })

  it('refuses groups that do not divide the columns, before any piece of the file', async () => {
    const { file, errors } = quantize(modelFromConfig(config), await open(await filesOf()), { group: 128 })
    await expect(file.next()).rejects.toMatchObject({ code: 'invalid-argument' })
    expect(errors).toEqual([])
  })

  it('holds one slab of one matrix at a time, and reads each row once', async () => {
    const checkpoint = await open(await filesOf({ vocab_size: 700 }))
    const rows = new Map<string, number[]>()
    let [read, largest] = [0, 0]
    const counting: Checkpoint = {
      ...checkpoint,
      read: () => Promise.reject(new Error('a matrix was read whole')),
      readFloat32: async (name, options) => {
        const values = await checkpoint.readFloat32(name, options)
        if (checkpoint.info(name).shape.length === 1) return values
        read++
        largest = Math.max(largest, options?.rows?.count ?? Infinity)
        rows.set(name, [...(rows.get(name) ?? []), options?.rows?.first ?? NaN])
        return values
      },
    }
    const { file } = quantize(modelFromConfig({ ...config, vocab_size: 700 }), counting)
    let pieces = 0
    const ahead: number[] = []
    for await (const piece of file) {
      // Pieces of at least a kilobyte are slabs; the header comes first and vectors have 256 bytes.
      if (pieces > 0 || read > 0) ahead.push(read - pieces)
      if (read > 0 && piece.length > 1024) pieces++
    }
    expect(largest).toBe(256)
    expect(Math.max(...ahead)).toBe(1)
    expect(pieces).toBe(read)
    expect(rows.get('model.embed_tokens.weight')).toEqual([0, 256, 512])
    expect(rows.get(down)).toEqual([0])
  })

  it('stops between slabs when it is aborted', async () => {
    const controller = new AbortController()
    const progress: Progress[] = []
    const { file } = quantize(modelFromConfig(config), await open(await filesOf()), {
      signal: controller.signal,
      onProgress: (step) => {
        progress.push(step)
        if (step.done === 2) controller.abort()
      },
    })
    const drain = async (): Promise<void> => {
      for await (const piece of file) expect(piece.length).toBeGreaterThan(0)
    }
    await expect(drain()).rejects.toMatchObject({ code: 'aborted' })
    expect(progress.map(({ done }) => done)).toEqual([1, 2])
  })
})
