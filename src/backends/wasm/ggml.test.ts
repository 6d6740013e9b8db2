import { describe, expect, test } from 'vitest'
import type { GgmlDType } from '../../base/dtype.ts'
import { Random } from '../../base/random.ts'
import { dequantizeGgml } from '../../blocks/ggml-dequantize.ts'
import { differences } from '../../blocks/ggml-golden-harness.ts'
import { randomGgmlBlocks } from '../../blocks/ggml-harness.ts'
import { ggmlBytes, ggmlTypeOf } from '../../blocks/ggml.ts'
import { instantiate, kernelBuilds } from './kernel-harness.ts'
import { matmulWorkspaceBytes } from './workspace.ts'

const dtypes: readonly GgmlDType[] = ['Q4_1', 'Q5_0', 'Q5_1', 'Q2_K', 'Q3_K']
const rows = 13

function randomMatrix(dtype: GgmlDType) {
  const k = dtype.endsWith('_K') ? 512 : 288
  const rowBytes = ggmlBytes(dtype, k)
  const bytes = randomGgmlBlocks(new Random(7), dtype, rows * rowBytes)
  return { k, bytes, format: [ggmlTypeOf(dtype).id, rowBytes], values: dequantizeGgml(dtype, bytes) }
}

describe.each(kernelBuilds)('$build, threads $threads', ({ build, threads }) => {
  const harness = instantiate(build, threads)

  test.each(dtypes)('%s: a matrix and rows of a table have the bits of the values', (dtype) => {
    const { k, bytes, format, values } = randomMatrix(dtype)
    for (const count of [1, 3]) {
      harness.reset()
      const weights = harness.put(bytes)
      const out = harness.alloc(rows * k * 4)
      harness.call('dequantizeGgml', [weights, out, rows, k, k, ...format], count)
      expect(differences(harness.f32(out, rows * k), values)).toBe(0)
      const ids = Int32Array.from([rows - 1, rows, 0, -1, 5])
      const table = harness.put(new Float32Array(ids.length * k).fill(1))
      harness.call('embeddingGgml', [weights, harness.put(ids), table, ids.length, rows, k, k, ...format], count)
      for (const [index, id] of ids.entries()) {
        const wanted = id >= 0 && id < rows ? values.subarray(id * k, (id + 1) * k) : new Float32Array(k)
        expect(differences(harness.f32(table + index * k * 4, k), wanted), `row ${id}`).toBe(0)
      }
    }
  })

  test.each(dtypes)('%s: products of more than four tokens have the bits of matmul on the values', (dtype) => {
    const { k, bytes, format, values } = randomMatrix(dtype)
    const random = new Random(11)
    const tokens = 7
    harness.reset()
    const x = harness.put(Float32Array.from({ length: tokens * k }, () => random.normal()))
    const [found, wanted] = [harness.alloc(tokens * rows * 4), harness.alloc(tokens * rows * 4)]
    const workspace = [harness.alloc(matmulWorkspaceBytes() * 2), matmulWorkspaceBytes()]
    const weights = harness.put(bytes)
    harness.call('matmulGgml', [x, weights, found, tokens, rows, k, k, rows, ...format, ...workspace], 2)
    // Kernels of f32 may read past the last row.
    const dense = harness.put(Float32Array.from([...values, ...new Float32Array(16)]))
    harness.call('matmul', [x, dense, wanted, tokens, rows, k, k, k, rows, 0, 1, 0, ...workspace, 0])
    expect(differences(harness.f32(found, tokens * rows), harness.f32(wanted, tokens * rows))).toBe(0)
  })
})
