import { describe, expect, it } from 'vitest'
import { blockParts, type BlockDType } from '../base/dtype.ts'
import { PocketPhiError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { packMatrix, packSlabs, packedBytes, unpackMatrix } from '../blocks/packed.ts'
import {
  logicalType,
  packedEntry,
  packedMetadata,
  packedTypes,
  readLogicalFloat32,
  type PackedType,
} from './packed-checkpoint.ts'
import { openSafetensors, type Checkpoint } from './safetensors.ts'
import { floatEntry, safetensorsBytes, writeCheckpoint, type TensorEntry } from './safetensors-writer.ts'
import { bytesSource } from './source.ts'
import { memoryFolder } from './tree.ts'

const dtypes: readonly BlockDType[] = ['q4g32', 'q4g64', 'q4g128', 'q8g32', 'q8g64', 'q8g128']

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof PocketPhiError) return error.code
    throw error
  }
  return 'no error'
}

async function open(entries: readonly TensorEntry[], metadata: Record<string, string>): Promise<Checkpoint> {
  return await openSafetensors(bytesSource(await safetensorsBytes(entries, metadata)))
}

interface Model {
  readonly entries: TensorEntry[]
  readonly types: Map<string, PackedType>
  readonly matrices: Map<string, Float32Array>
}

function quantisedModel(): Model {
  const random = new Random(31)
  const model: Model = { entries: [], types: new Map(), matrices: new Map() }
  for (const dtype of dtypes) {
    const columns = 2 * blockParts(dtype).group
    const values = Float32Array.from({ length: 19 * columns }, () => random.normal())
    const name = `weight.${dtype}`
    model.types.set(name, { dtype, shape: [19, columns] })
    model.matrices.set(name, unpackMatrix(packMatrix(values, 19, columns, dtype), dtype, 19, columns))
    const read = (first: number, count: number): Float32Array =>
      values.subarray(first * columns, (first + count) * columns)
    model.entries.push(packedEntry(name, { dtype, shape: [19, columns] }, () => packSlabs(dtype, 19, columns, read, 8)))
  }
  model.entries.push(floatEntry('norm', [4], Float32Array.of(1, 2, 3, 4), 'BF16'))
  model.entries.push({ name: 'ids', dtype: 'I64', shape: [1], data: new Uint8Array(8) })
  return model
}

describe('a packed checkpoint', () => {
  it('gives back types and values of what was written', async () => {
    const { entries, types, matrices } = quantisedModel()
    const checkpoint = await open(entries, { format: 'pt', ...packedMetadata(types) })
    expect(packedTypes(checkpoint)).toEqual(types)
    for (const [name, type] of types) {
      expect(logicalType(checkpoint, name)).toEqual(type)
      const whole = matrices.get(name) as Float32Array
      const columns = type.shape[1]
      expect(await readLogicalFloat32(checkpoint, name)).toEqual(whole)
      expect(await readLogicalFloat32(checkpoint, name, { rows: { first: 8, count: 11 } })).toEqual(
        whole.subarray(8 * columns),
      )
      const into = new Float32Array(8 * columns)
      expect(await readLogicalFloat32(checkpoint, name, { into, rows: { first: 0, count: 8 } })).toBe(into)
      expect(into).toEqual(whole.subarray(0, 8 * columns))
    }
    expect(logicalType(checkpoint, 'norm')).toEqual({ dtype: 'bf16', shape: [4] })
    expect(await readLogicalFloat32(checkpoint, 'norm', { rows: { first: 1, count: 2 } })).toEqual(
      Float32Array.of(2, 3),
    )
    expect(codeOf(() => logicalType(checkpoint, 'ids'))).toBe('not-supported')
    expect(codeOf(() => logicalType(checkpoint, 'none'))).toBe('not-found')
  })

  it('may be sharded', async () => {
    const { entries, types, matrices } = quantisedModel()
    const files = new Map<string, Uint8Array>()
    await writeCheckpoint(entries, packedMetadata(types), 4000, async (name, chunks) => {
      const parts: number[] = []
      for await (const chunk of chunks) parts.push(...chunk)
      files.set(name, Uint8Array.from(parts))
    })
    expect(files.size).toBeGreaterThan(3)
    const checkpoint = await openSafetensors(memoryFolder(files))
    expect(packedTypes(checkpoint)).toEqual(types)
    for (const [name, values] of matrices) expect(await readLogicalFloat32(checkpoint, name)).toEqual(values)
  })

  it('is described by the same text in whatever order', () => {
    const { types } = quantisedModel()
    const reversed = new Map([...types].reverse())
    expect(packedMetadata(reversed)).toEqual(packedMetadata(types))
    expect(packedMetadata(new Map([['a', { dtype: 'q4g32', shape: [8, 32] }]]))).toEqual({
      'pocket-phi': '{"version":1,"tensors":{"a":{"dtype":"q4g32","shape":[8,32]}}}',
    })
  })

  it('is not what an ordinary checkpoint is', async () => {
    const checkpoint = await open([{ name: 'x', dtype: 'U8', shape: [144], data: new Uint8Array(144) }], {})
    expect(packedTypes(checkpoint)).toEqual(new Map())
    expect(logicalType(checkpoint, 'x')).toEqual({ dtype: 'u8', shape: [144] })
  })
})

describe('a damaged description', () => {
  const tensors = (entry: string): string => `{"version":1,"tensors":{"a":${entry}}}`

  it.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['null', 'null'],
    ['no version', '{"tensors":{}}'],
    ['a version that is no number', '{"version":"1","tensors":{}}'],
    ['no tensors', '{"version":1}'],
    ['a duplicate tensor', '{"version":1,"tensors":{"a":1,"a":1}}'],
    ['an entry that is no object', tensors('1')],
    ['an unknown format', tensors('{"dtype":"q3g32","shape":[8,32]}')],
    ['a plain format', tensors('{"dtype":"f32","shape":[8,32]}')],
    ['one extent', tensors('{"dtype":"q4g32","shape":[8]}')],
    ['an extent that is no number', tensors('{"dtype":"q4g32","shape":["8",32]}')],
    ['a negative extent', tensors('{"dtype":"q4g32","shape":[-8,-32]}')],
    ['an extent too large', tensors('{"dtype":"q4g32","shape":[1e300,32]}')],
    ['columns that the group does not divide', tensors('{"dtype":"q4g32","shape":[8,33]}')],
    ['bytes that do not fit', tensors('{"dtype":"q4g32","shape":[9,32]}')],
    ['another group', tensors('{"dtype":"q4g64","shape":[8,64]}')],
    ['a tensor that is not there', '{"version":1,"tensors":{"z":{"dtype":"q4g32","shape":[8,32]}}}'],
    ['a tensor that is not of bytes', '{"version":1,"tensors":{"f":{"dtype":"q4g32","shape":[8,32]}}}'],
  ])('is refused: %s', async (_, text) => {
    const checkpoint = await open(
      [
        { name: 'a', dtype: 'U8', shape: [144], data: new Uint8Array(144) },
        { name: 'f', dtype: 'F32', shape: [36], data: new Uint8Array(144) },
      ],
      { 'pocket-phi': text },
    )
    expect(codeOf(() => packedTypes(checkpoint))).toBe('invalid-file')
    expect(codeOf(() => logicalType(checkpoint, 'a'))).toBe('invalid-file')
  })

  it('is told apart from a later version', async () => {
    const checkpoint = await open([], { 'pocket-phi': '{"version":2,"layers":[]}' })
    expect(codeOf(() => packedTypes(checkpoint))).toBe('not-supported')
  })

  it('cannot be written', () => {
    const bytes = new Uint8Array(packedBytes('q4g32', 8, 32) + 1)
    expect(codeOf(() => packedEntry('a', { dtype: 'q4g32', shape: [8, 32] }, bytes))).toBe('shape')
    expect(codeOf(() => packedEntry('a', { dtype: 'q4g32', shape: [8, 33] }, bytes))).toBe('shape')
  })
})
