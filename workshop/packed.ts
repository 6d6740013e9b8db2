/**
 * Packed products on one core, next to what memory and cache give a plain read loop.
 *
 *     node workshop/packed.ts [--revectorize] [--baseline] [--pairs | --fours] [TYPE …]
 *
 * Decode (one token) in GB/s of packed weights, from cache (192 rows) and from memory (a matrix well beyond L3); prefill in
 * GMAC/s including quantisation and unpacking.
 */
import { blockParts, isKDType, type PanelDType } from '../src/base/dtype.ts'
import { quantizeGgml } from '../src/blocks/ggml-quantize.ts'
import { repackGgml } from '../src/blocks/ggml-repack.ts'
import { kTypes } from '../src/blocks/k-panels.ts'
import { activationGroup, matrixBytes } from '../src/blocks/matrix.ts'
import { packMatrix } from '../src/blocks/packed.ts'
import { instantiate } from '../src/backends/wasm/kernel-harness.ts'
import { pairsAreFaster } from '../src/backends/wasm/loops.ts'
import {
  matmulWorkspaceBytes,
  packedWorkspaceBytes,
  quantizedBytes,
  tileTokens,
} from '../src/backends/wasm/workspace.ts'
import { applyFlags, fillNoise, medianSeconds, revectorize } from './bench.ts'
import { readSpeeds } from './roof.ts'

applyFlags()
const harness = instantiate(process.argv.includes('--baseline') ? 'baseline' : 'relaxed', true)
const k = 3072

/** Panels of real weights (normal scales), repeated: a subnormal scale would cost more than anything measured here. */
function weights(dtype: PanelDType, rows: number): number {
  const noise = new Float32Array(64 * k)
  fillNoise(noise, 3)
  const slab = isKDType(dtype)
    ? repackGgml(kTypes[dtype], quantizeGgml(kTypes[dtype], noise), 64, k)
    : packMatrix(noise, 64, k, dtype)
  const bytes = matrixBytes(dtype, rows, k)
  const pointer = harness.alloc(bytes)
  const view = harness.bytes(pointer, bytes)
  for (let at = 0; at < bytes; at += slab.length) view.set(slab.subarray(0, bytes - at), at)
  return pointer
}

/** How the backend would multiply, unless the command line says otherwise. */
const paired = process.argv.includes('--pairs') || (!process.argv.includes('--fours') && pairsAreFaster())
const tiles = [Number(revectorize), Number(paired), 0]

function product(dtype: PanelDType, m: number, rows: number, exact: boolean): number {
  harness.reset()
  const group = activationGroup(dtype)
  const bits = isKDType(dtype) ? Number(dtype[1]) : blockParts(dtype).bits
  const tile = tileTokens(paired)
  const x = harness.alloc(m * k * 4)
  fillNoise(harness.f32(x, m * k), 4)
  const quantized = harness.alloc(quantizedBytes(m, k, group, tile))
  const w = weights(dtype, rows)
  const y = harness.alloc(m * rows * 4)
  const bytes = Math.max(packedWorkspaceBytes(m, k, true), matmulWorkspaceBytes())
  const workspace = harness.alloc(bytes)
  if (exact) {
    const args = harness.putWords([x, w, y, m, rows, k, k, rows, bits, group, workspace, bytes])
    return medianSeconds(() => harness.kernels['matmulPackedExact']?.(args, 0, 1))
  }
  const first = harness.putWords([x, quantized, m, k, k, group, tile])
  const second = harness.putWords([quantized, w, y, m, rows, k, rows, bits, group, workspace, bytes, ...tiles])
  return medianSeconds(() => {
    harness.kernels['quantizeRows']?.(first, 0, 1)
    harness.kernels['matmulPacked']?.(second, 0, 1)
  })
}

const roof = readSpeeds()
console.log(`roof: plain v128 reads ${roof.cache.toFixed(1)} GB/s from cache, ${roof.memory.toFixed(1)} from memory`)

const types = ['q4g32', 'q4g64', 'q4g128', 'q8g32', 'q8g64', 'q8g128', 'q4k', 'q5k', 'q6k'] as const
const wanted = types.filter((name) => process.argv.includes(name))
for (const dtype of wanted.length === 0 ? types : wanted) {
  const panel = matrixBytes(dtype, 8, k)
  const speeds = [192, 8 * Math.round(2e8 / panel)].map((rows) => {
    return ((rows / 8) * panel) / product(dtype, 1, rows, false) / 1e9
  })
  const prefill = [2, 4, 5, 48, 256].map(
    (m) => `${m}: ${((m * k * 1024) / product(dtype, m, 1024, false) / 1e9).toFixed(1)}`,
  )
  const exact = [1, 48].map((m) => `${m}: ${((m * k * 1024) / product(dtype, m, 1024, true) / 1e9).toFixed(1)}`)
  const decode = speeds.map((speed) => speed.toFixed(1)).join(' / ')
  console.log(
    `${dtype}: decode ${decode} GB/s (cache / memory); prefill GMAC/s by tokens ${prefill.join(', ')}; exact ${exact.join(', ')}`,
  )
}
