/**
 * One hash per kernel over many shapes: run with and without `--revectorize` (or on another machine of the same build) and
 * compare the lines.
 *
 *     node workshop/same-bits.ts [--revectorize] [--baseline]
 */
import { createHash } from 'node:crypto'
import { blockParts } from '../src/base/dtype.ts'
import { packMatrix } from '../src/blocks/packed.ts'
import { instantiate } from '../src/backends/wasm/kernel-harness.ts'
import {
  matmulWorkspaceBytes,
  packedWorkspaceBytes,
  quantizedBytes,
  tileTokens,
} from '../src/backends/wasm/workspace.ts'
import { applyFlags, fillNoise } from './bench.ts'

applyFlags()
const harness = instantiate(process.argv.includes('--baseline') ? 'baseline' : 'relaxed', true)
const rowCounts = [1, 4, 5, 6, 7, 48, 97]

function noise(count: number, seed: number): Float32Array {
  const values = new Float32Array(count)
  fillNoise(values, seed)
  return values
}

for (const wide of [0, 1]) {
  const hash = createHash('sha256')
  for (const m of rowCounts) {
    for (const [transposeA, transposeB] of [
      [0, 1],
      [0, 0],
      [1, 0],
    ] as const) {
      const [n, k] = [75, 301]
      harness.reset()
      const [a, b, c] = [harness.put(noise(m * k, 1)), harness.put(noise(n * k, 2)), harness.alloc(m * n * 4)]
      const strides = [transposeA ? m : k, transposeB ? k : n, n]
      const workspace = harness.alloc(matmulWorkspaceBytes())
      harness.call('matmul', [a, b, c, m, n, k, ...strides, transposeA, transposeB, 0, workspace, 0, wide])
      hash.update(harness.bytes(c, m * n * 4).slice())
    }
  }
  console.log(`matmul ${hash.digest('hex').slice(0, 16)}`)
}

for (const tiles of [[0, 0], [1, 0], [0, 1], [1, 1], undefined] as const) {
  const kernel = tiles === undefined ? 'matmulPackedExact' : 'matmulPacked'
  for (const dtype of ['q4g32', 'q4g64', 'q4g128', 'q8g32', 'q8g64', 'q8g128'] as const) {
    const { bits, group } = blockParts(dtype)
    const tile = tileTokens(tiles?.[1] === 1)
    const hash = createHash('sha256')
    for (const m of rowCounts) {
      const [n, k] = [75, group * 5]
      harness.reset()
      const x = harness.put(noise(m * k, 3))
      const weights = harness.put(packMatrix(noise(n * k, 4), n, k, dtype))
      const quantized = harness.alloc(quantizedBytes(m, k, group, tile))
      const y = harness.alloc(m * n * 4)
      const bytes = Math.max(packedWorkspaceBytes(m, k, true), matmulWorkspaceBytes())
      const workspace = harness.alloc(bytes)
      harness.call('quantizeRows', [x, quantized, m, k, k, group, tile])
      const shape = tiles === undefined ? [m, n, k, k, n] : [m, n, k, n]
      const source = tiles === undefined ? x : quantized
      harness.call(kernel, [
        source,
        weights,
        y,
        ...shape,
        bits,
        group,
        workspace,
        bytes,
        ...(tiles === undefined ? [] : [...tiles, 0]),
      ])
      hash.update(harness.bytes(y, m * n * 4).slice())
    }
    console.log(`${kernel} ${tiles?.join('') ?? ''} ${dtype} ${hash.digest('hex').slice(0, 16)}`)
  }
}
