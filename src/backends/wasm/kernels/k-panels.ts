/** A panel of q4k, q5k or q6k x all tokens: what packed.ts does for its own formats. */
import { activationBytes, unpackK } from './k-blocks'
import { streamK4, streamK5, streamK6 } from './k-stream'
import { tileK } from './k-tile'
import { tileKPaired } from './k-paired'
import { streamKTogether } from './k-together'
import { storeRow } from './packed-stream'
import { tileOf } from './tokens'

/** Few tokens: four together, fewer one after the other. `work` is read and written for four only. */
export function streamKPanel(
  activations: usize,
  weights: usize,
  y: usize,
  strideY: usize,
  m: i32,
  columns: i32,
  blocks: i32,
  bits: i32,
  work: usize,
  paired: bool,
): void {
  if (m == 4 && bits != 5) {
    const tokenBytes = <usize>blocks * activationBytes
    streamKTogether(activations, tokenBytes, weights, y, strideY, columns, blocks, bits, work, paired)
    return
  }
  for (let token = 0; token < m; token++) {
    if (bits == 4) streamK4(activations, weights, y, columns, blocks, paired)
    else if (bits == 5) streamK5(activations, weights, y, columns, blocks, paired)
    else streamK6(activations, weights, y, columns, blocks, paired)
    activations += <usize>blocks * activationBytes
    y += strideY
  }
}

/** Many tokens: the weights are unpacked once. Behind `results` is room for sums, f32 and i32 [6][8], then for the weights. */
export function multiplyKPanel(
  activations: usize,
  weights: usize,
  y: usize,
  strideY: usize,
  m: i32,
  columns: i32,
  blocks: i32,
  bits: i32,
  results: usize,
  paired: bool,
): void {
  const sums = results + 192
  const unpacked = results + 384
  const tile = tileOf(paired)
  unpackK(weights, unpacked, blocks, bits)
  for (let token = 0; token < m; token += tile) {
    if (paired) tileKPaired(activations, unpacked, results, blocks, bits)
    else {
      memory.fill(results, 0, 192)
      tileK(activations, unpacked, sums, results, blocks, bits == 6 ? 16 : 8)
    }
    const present = min(tile, m - token)
    for (let row = 0; row < present; row++) {
      const from = results + <usize>row * 32
      storeRow(y, v128.load(from), v128.load(from, 16), columns)
      y += strideY
    }
    activations += <usize>(blocks * tile) * activationBytes
  }
}
