/** Packed weights in f32 arithmetic: exact mode, embedding lookups, and weights handed on as f32. */
import { dequantizeBlock, dequantizeRow } from './blocks'
import { dequantizeKBlock, dequantizeKRow, kBlockBytes } from './k-blocks'
import { packedBytesA, packedBytesB, blockK, blockM, blockN } from './matmul'
import { packRows6 } from './panels'
import { madd, shareStart } from './simd'
import { multiplyBlock } from './tiles'
import { largeGroup, streamedTokens } from './tokens'

// @ts-ignore: decorator
@inline
function blockBytesOf(bits: i32, group: i32): usize {
  return group == largeGroup ? kBlockBytes(bits) : <usize>(group * bits + 16)
}

/**
 * Y[m, n] = X [m, k] x packed weights [n, k] transposed in f32: every element is one chain of multiply-adds of
 * x * (scale * integer) in the order of k from 0, the bits of `matmul` (m > 4) on the dequantised weights, for any m and
 * any number of threads. A slab of rows is a matrix of its own, as for matmulPacked.
 *
 *     word  0  x              f32 [m, k]
 *     word  1  weights        packed, of whole panels
 *     word  2  y              f32 [m, n]
 *     word  3  m              >= 1
 *     word  4  n              rows of the weights, >= 1, without the padding
 *     word  5  k              a multiple of group
 *     word  6  strideX        elements between rows of x
 *     word  7  strideY        elements between rows of y
 *     word  8  bits           4 or 8; of q4k, q5k and q6k 4, 5 or 6
 *     word  9  group          32, 64 or 128; of q4k, q5k and q6k 256
 *     word 10  workspace      as for matmul: see matmulWorkspaceBytes in ../workspace.ts
 *     word 11  workspaceStride bytes per thread
 */
export function matmulPackedExact(args: usize, thread: i32, threads: i32): void {
  const panels = (load<i32>(args, 16) + 7) >> 3
  const first = shareStart(panels, thread, threads)
  const end = shareStart(panels, thread + 1, threads)
  const workspace = <usize>load<u32>(args, 40) + <usize>thread * <usize>load<u32>(args, 44)
  if (load<i32>(args, 12) > streamedTokens) multiplyPanels(args, first, end, workspace)
  else for (let panel = first; panel < end; panel++) streamPanel(args, panel, workspace)
}

/** The blocks of matmul, with dequantised panels in place of its packed B. */
function multiplyPanels(args: usize, first: i32, end: i32, packedA: usize): void {
  const x = <usize>load<u32>(args, 0)
  const weights = <usize>load<u32>(args, 4)
  const y = <usize>load<u32>(args, 8)
  const m = load<i32>(args, 12)
  const n = load<i32>(args, 16)
  const k = load<i32>(args, 20)
  const strideX = <usize>load<u32>(args, 24) * 4
  const strideY = <usize>load<u32>(args, 28) * 4
  const bits = load<i32>(args, 32)
  const group = load<i32>(args, 36)
  const blockBytes = blockBytesOf(bits, group)
  const blocks = k / group
  const packedB = packedA + packedBytesA
  const edgeTile = packedB + packedBytesB
  for (let panel = first; panel < end; panel += blockN >> 3) {
    const endPanel = min(end, panel + (blockN >> 3))
    const columns = min(n, endPanel * 8) - panel * 8
    for (let step = 0; step < k; step += blockK) {
      const steps = min(blockK, k - step)
      let target = packedB
      for (let source = panel; source < endPanel; source++) {
        let block = weights + <usize>(source * blocks + step / group) * blockBytes
        for (let rest = steps; rest > 0; rest -= group) {
          // The block of A is packed later.
          if (group == largeGroup) dequantizeKBlock(block, target, bits, packedA)
          else dequantizeBlock(block, target, group, bits)
          block += blockBytes
          target += <usize>group * 32
        }
      }
      for (let row = 0; row < m; row += blockM) {
        const rows = min(blockM, m - row)
        packRows6(x + <usize>row * strideX + <usize>step * 4, strideX, rows, steps, packedA)
        const c = y + <usize>row * strideY + <usize>panel * 32
        multiplyBlock(packedA, packedB, c, strideY, rows, columns, steps, step == 0, edgeTile)
      }
    }
  }
}

/** 8 rows x up to 4 tokens, block by block; the sums wait in the workspace behind the block. */
function streamPanel(args: usize, panel: i32, dequantized: usize): void {
  const m = load<i32>(args, 12)
  const n = load<i32>(args, 16)
  const k = load<i32>(args, 20)
  const strideX = <usize>load<u32>(args, 24) * 4
  const strideY = <usize>load<u32>(args, 28) * 4
  const bits = load<i32>(args, 32)
  const group = load<i32>(args, 36)
  const blockBytes = blockBytesOf(bits, group)
  const blocks = k / group
  const sums = dequantized + <usize>group * 32
  for (let at: usize = 0; at < <usize>m * 32; at += 16) v128.store(sums + at, f32x4.splat(0))
  let x = <usize>load<u32>(args, 0)
  let block = <usize>load<u32>(args, 4) + <usize>(panel * blocks) * blockBytes
  for (let rest = blocks; rest > 0; rest--) {
    if (group == largeGroup) dequantizeKBlock(block, dequantized, bits, sums + <usize>streamedTokens * 32)
    else dequantizeBlock(block, dequantized, group, bits)
    for (let token = 0; token < m; token++) {
      addBlock(x + <usize>token * strideX, dequantized, sums + <usize>token * 32, group)
    }
    block += blockBytes
    x += <usize>group * 4
  }
  const bytes = min(8, n - panel * 8) * 4
  let y = <usize>load<u32>(args, 8) + <usize>panel * 32
  for (let token = 0; token < m; token++) {
    memory.copy(y, sums + <usize>token * 32, bytes)
    y += strideY
  }
}

function addBlock(x: usize, w: usize, sums: usize, group: i32): void {
  let y0 = v128.load(sums)
  let y1 = v128.load(sums, 16)
  do {
    const value = v128.load_splat<f32>(x)
    y0 = madd(value, v128.load(w), y0)
    y1 = madd(value, v128.load(w, 16), y1)
    x += 4
    w += 32
  } while (--group)
  v128.store(sums, y0)
  v128.store(sums, y1, 16)
}

/**
 * A packed matrix as f32, exactly: scale * integer.
 *
 *     word  0  weights        packed, of whole panels
 *     word  1  out            f32 [n, k]
 *     word  2  n              rows of the weights, >= 1, without the padding
 *     word  3  k              a multiple of group
 *     word  4  strideOut      elements between rows of out
 *     word  5  bits           4 or 8; of q4k, q5k and q6k 4, 5 or 6
 *     word  6  group          32, 64 or 128; of q4k, q5k and q6k 256
 */
export function dequantizePacked(args: usize, thread: i32, threads: i32): void {
  const weights = <usize>load<u32>(args, 0)
  const out = <usize>load<u32>(args, 4)
  const n = load<i32>(args, 8)
  const k = load<i32>(args, 12)
  const strideOut = <usize>load<u32>(args, 16) * 4
  const bits = load<i32>(args, 20)
  const group = load<i32>(args, 24)
  const end = shareStart(n, thread + 1, threads)
  for (let row = shareStart(n, thread, threads); row < end; row++) {
    const target = out + <usize>row * strideOut
    if (group == largeGroup) dequantizeKRow(weights, row, target, k, bits)
    else dequantizeRow(weights, row, target, k, bits, group)
  }
}

/**
 * Rows of a packed table by id, as f32. A row whose id is outside the table becomes zero.
 *
 *     word  0  weights        packed, of whole panels
 *     word  1  ids            i32 [m]
 *     word  2  out            f32 [m, k]
 *     word  3  m              >= 1
 *     word  4  n              rows of the table
 *     word  5  k              a multiple of group
 *     word  6  strideOut      elements between rows of out
 *     word  7  bits           4 or 8; of q4k, q5k and q6k 4, 5 or 6
 *     word  8  group          32, 64 or 128; of q4k, q5k and q6k 256
 */
export function embeddingPacked(args: usize, thread: i32, threads: i32): void {
  const weights = <usize>load<u32>(args, 0)
  const ids = <usize>load<u32>(args, 4)
  const out = <usize>load<u32>(args, 8)
  const m = load<i32>(args, 12)
  const n = load<i32>(args, 16)
  const k = load<i32>(args, 20)
  const strideOut = <usize>load<u32>(args, 24) * 4
  const bits = load<i32>(args, 28)
  const group = load<i32>(args, 32)
  const end = shareStart(m, thread + 1, threads)
  for (let row = shareStart(m, thread, threads); row < end; row++) {
    const id = load<i32>(ids + <usize>row * 4)
    const target = out + <usize>row * strideOut
    if (<u32>id >= <u32>n) memory.fill(target, 0, <usize>k * 4)
    else if (group == largeGroup) dequantizeKRow(weights, id, target, k, bits)
    else dequantizeRow(weights, id, target, k, bits, group)
  }
}
