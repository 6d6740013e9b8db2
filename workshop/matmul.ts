/**
 * f32 matmul on one core: GFLOP/s by shape, packing included.
 *
 *     node workshop/matmul.ts [--revectorize] [--baseline] [--wide]
 *
 * `--revectorize` sets V8's flag before the module is compiled; the bench then shows the 6x16 tile next to the 6x8 one.
 */
import { instantiate } from '../src/backends/wasm/kernel-harness.ts'
import { matmulWorkspaceBytes } from '../src/backends/wasm/workspace.ts'
import { applyFlags, fillNoise, medianSeconds, revectorize } from './bench.ts'

applyFlags()
const harness = instantiate(process.argv.includes('--baseline') ? 'baseline' : 'relaxed', true)
const tiles = revectorize || process.argv.includes('--wide') ? [0, 1] : [0]

type Shape = readonly [kind: 'NT' | 'NN' | 'TN', m: number, n: number, k: number]

const shapes: readonly Shape[] = [
  ['NN', 1024, 1024, 1024],
  ['NT', 1024, 1024, 1024],
  ['TN', 1024, 1024, 1024],
  ['NT', 2040, 768, 256],
  ['NT', 2040, 256, 704],
  ['NN', 2040, 256, 768],
  ['TN', 768, 256, 2048],
  ['NT', 2040, 4096, 256],
  ['NT', 2040, 192, 192],
  ['TN', 4096, 192, 2048],
  ['NT', 64, 256, 256],
  ['NT', 16, 3072, 3072],
  ['NT', 1, 3072, 3072],
  ['NT', 2, 3072, 3072],
  ['NT', 4, 3072, 3072],
]

for (const [kind, m, n, k] of shapes) {
  harness.reset()
  const transposeA = Number(kind === 'TN')
  const transposeB = Number(kind === 'NT')
  const [a, b, c] = [m * k, n * k, m * n].map((count) => harness.alloc(count * 4)) as [number, number, number]
  fillNoise(harness.f32(a, m * k), 1)
  fillNoise(harness.f32(b, n * k), 2)
  const strides = [transposeA ? m : k, transposeB ? k : n, n]
  const bytes = matmulWorkspaceBytes()
  const workspace = harness.alloc(bytes)
  const words = [a, b, c, m, n, k, ...strides, transposeA, transposeB, 0, workspace, bytes]
  const figures = tiles.map((wide) => {
    const args = harness.putWords([...words, wide])
    const time = medianSeconds(() => harness.kernels['matmul']?.(args, 0, 1))
    const bandwidth = m <= 4 ? ` ${((n * k * 4) / time / 1e9).toFixed(1)} GB/s` : ''
    return `6x${wide ? 16 : 8} ${((2 * m * n * k) / time / 1e9).toFixed(1)} GFLOP/s${bandwidth}`
  })
  console.log(`${kind} ${m}x${n}x${k}: ${figures.join(', ')}`)
}
