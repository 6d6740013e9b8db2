import { describe, expect, it } from 'vitest'
import type { Backend } from '../backends/backend.ts'
import { wasmBackend } from '../backends/wasm/index.ts'
import { spreadBackend } from '../backends/wasm/memories-harness.ts'
import { isBlockDType, type BlockDType } from '../base/dtype.ts'
import { packMatrix } from '../blocks/packed.ts'
import { packedEntry, packedMetadata, type PackedType } from '../formats/packed-checkpoint.ts'
import { openSafetensors } from '../formats/safetensors.ts'
import { floatEntry, safetensorsBytes, type TensorEntry } from '../formats/safetensors-writer.ts'
import { memoryFolder, type FileTree } from '../formats/tree.ts'
import { modelFromConfig } from '../models/index.ts'
import { publishedConfig } from '../models/published.ts'
import { loadCheckpoint } from './load.ts'
import { tracePrograms } from './programs.ts'
import { someIds, tinyFiles } from './tiny-model-harness.ts'

/** A tiny model of six layers, its matrices as they are or packed. */
async function treeOf(dtype: 'f32' | BlockDType): Promise<FileTree> {
  const files = await tinyFiles({
    config: { num_hidden_layers: 6, hidden_size: 64, num_attention_heads: 8, intermediate_size: 96 },
    border: 40,
  })
  if (!isBlockDType(dtype)) return memoryFolder(files)
  const checkpoint = await openSafetensors(memoryFolder(files))
  const types = new Map<string, PackedType>()
  const entries: TensorEntry[] = []
  for (const name of checkpoint.names()) {
    const { shape } = checkpoint.info(name)
    const values = await checkpoint.readFloat32(name)
    const [rows = 0, columns = 0] = shape
    if (shape.length === 2) {
      const type = { dtype, shape: [rows, columns] } as const
      types.set(name, type)
      entries.push(packedEntry(name, type, packMatrix(values, rows, columns, dtype)))
    } else entries.push(floatEntry(name, shape, values))
  }
  await checkpoint.close()
  files.set('model.safetensors', await safetensorsBytes(entries, packedMetadata(types)))
  return memoryFolder(files)
}

interface Conversation {
  readonly logits: readonly Float32Array[]
  readonly copiedPages: number
  readonly recomputedRows: number
  readonly memories: number
}

/** Two sequences side by side, one beyond the border of LongRoPE, and a branch that has to copy a page of the cache. */
async function converse(tree: FileTree, backend: Backend, exact: boolean): Promise<Conversation> {
  const engine = await loadCheckpoint(tree, backend, { context: 128, maxSequences: 3, maxRows: 16, exact })
  try {
    const logits: Float32Array[] = []
    const ids = someIds(90, 4)
    const sequences = await Promise.all([engine.open(ids), engine.open(someIds(20, 5))])
    for (let turn = 0; turn < 30; turn++) {
      logits.push(...(await Promise.all(sequences.map((sequence) => sequence.logits()))))
      for (const sequence of sequences) sequence.append([turn + 7])
    }
    const branch = await engine.open([...ids.slice(0, 80), 9, 8])
    logits.push(await branch.logits())
    const { copiedPages, recomputedRows } = engine.counters
    return { logits, copiedPages, recomputedRows, memories: engine.device.memory.memories.length }
  } finally {
    await engine.dispose()
  }
}

describe('a model in many memories', () => {
  const cases = [
    { dtype: 'f32', exact: false },
    { dtype: 'q4g32', exact: false },
    { dtype: 'q8g32', exact: true },
  ] as const

  it.each(cases)('gives the logits of one memory bit for bit: $dtype, exact $exact', async ({ dtype, exact }) => {
    const tree = await treeOf(dtype)
    const { memories, ...alone } = await converse(tree, wasmBackend({ mode: 'inline' }), exact)
    expect(memories).toBe(1)
    expect(alone.copiedPages).toBeGreaterThan(0)
    expect(alone.recomputedRows).toBeGreaterThan(0)
    for (const options of [{ mode: 'inline' }, { threads: 1 }, { threads: 2 }, { threads: 4 }] as const) {
      const { memories: several, ...found } = await converse(tree, spreadBackend(3, options), exact)
      expect(several).toBeGreaterThanOrEqual(3)
      expect(found).toEqual(alone)
    }
  })

  it('has room for a full-size Phi-3-medium of 4 bits with its cache of 4,096 tokens: three', () => {
    const model = modelFromConfig(publishedConfig('phi-3-medium-4k'))
    const formats = {
      dtypeOf: (_: string, shape: readonly number[]) => (shape.length > 1 ? ('q4g32' as const) : ('f32' as const)),
      activations: 'int8' as const,
    }
    const { programs } = tracePrograms(model, { context: 4096 }, formats)
    const { memories, parameters, states, total, scratch } = wasmBackend({ threads: 2 }).measure(programs)
    // 13,959,823,360 weights in matrices at 4 bits and a scale of 16 bits for 32; norms and rope in floats; guards.
    expect(parameters / 1e9).toBeCloseTo(7.854, 3)
    // Keys and values of 40 layers: 65 pages of 64 tokens, 10 heads of 128 floats, which are f32 unless something else is said.
    expect(states).toBe(40 * 2 * (65 * 64 * 10 * 128 * 4 + 64))
    expect(memories).toHaveLength(3)
    expect(memories.every((bytes) => bytes <= 65535 * 65536)).toBe(true)
    expect(memories.reduce((sum, bytes) => sum + bytes, 0)).toBe(total)
    expect(parameters + states + scratch).toBe(total)
    // The activations of 512 rows, once in each.
    expect(scratch).toBeLessThan(3 * 125e6)
  })
})
