/**
 * Products of 8-bit activations with packed weights (src/blocks/packed.ts). Quantised activations are stored for the loop
 * that reads them: in panels of P tokens, P = 1 for m <= 4, above 6, or 4 where products are summed in pairs (tokens.ts). A panel
 * is a sequence of k/group blocks; a block is group/4 steps of [P][4 bytes], then P i32 of -8 * the sum of a token's bytes, then P f32 scales: (group + 8) * P bytes.
 * A block of 256 columns, for q4k, q5k and q6k, has other sums: of 16 bytes each in pairs of 16 bits, [8][P], and of 32 bytes
 * each in pairs, [4][P]: 308 * P bytes. Tokens that fill up the last panel are zero.
 */
import { unpackBytes, unpackBytesBaseline, unpackBytesPaired, unpackNibbles, unpackNibblesBaseline } from './blocks'
import { takeChunk } from './chunks'
import { activationBytes, kBlockBytes } from './k-blocks'
import { multiplyKPanel, streamKPanel } from './k-panels'
import { tileBytesPaired, tileBytesPairedWide, tileNibblesPaired, tileNibblesPairedWide } from './packed-paired'
import {
  storeRow,
  streamBytes,
  streamBytesBaseline,
  streamNibbles,
  streamNibbles2,
  streamNibbles4,
  streamNibblesBaseline,
} from './packed-stream'
import { tileBytes, tileBytesBaseline, tileNibbles, tileNibblesBaseline } from './packed-tile'
import { tileBytesWide, tileNibblesWide } from './packed-wide'
import { shareStart } from './simd'
import { largeGroup, streamedTokens, tileOf } from './tokens'

/** Bytes of a tile's results: 6 tokens x 16 rows, f32. */
const resultBytes: usize = 384
/** Panels that a thread takes at once, whole tiles of two: of 16 tokens some ten microseconds of work. Half as many where threads are many. */
const chunkPanels: i32 = 4

/**
 * Quantises activations: amax = max |x| of a token's group; scale = amax / 127; integer = nearest, ties to even, of
 * x * (127 / amax) in -127..127. Where 127 / amax overflows, 0 counts as 0.
 *
 *     word  0  x              f32 [m, k]
 *     word  1  out            see the head of this file; quantizedBytes in ../workspace.ts
 *     word  2  m              >= 1
 *     word  3  k              a multiple of group
 *     word  4  strideX        elements between rows of x
 *     word  5  group          32, 64 or 128: that of the weights; 256 for q4k, q5k and q6k
 *     word  6  tile           tokens of a panel where m > 4
 */
export function quantizeRows(args: usize, thread: i32, threads: i32): void {
  const x = <usize>load<u32>(args, 0)
  const out = <usize>load<u32>(args, 4)
  const m = load<i32>(args, 8)
  const k = load<i32>(args, 12)
  const strideX = <usize>load<u32>(args, 16) * 4
  const group = load<i32>(args, 20)
  const tokens = m <= streamedTokens ? 1 : load<i32>(args, 24)
  const blocks = k / group
  const units = ((m + tokens - 1) / tokens) * blocks
  const blockBytes = <usize>(quantizedBlockBytes(group) * tokens)
  const end = shareStart(units, thread + 1, threads)
  for (let unit = shareStart(units, thread, threads); unit < end; unit++) {
    const token = (unit / blocks) * tokens
    const from = x + <usize>token * strideX + <usize>((unit % blocks) * group) * 4
    const block = out + <usize>unit * blockBytes
    const present = min(tokens, m - token)
    for (let lane = 0; lane < present; lane++) {
      quantizeGroup(from + <usize>lane * strideX, group, block + <usize>lane * 4, <usize>tokens * 4)
    }
    for (let lane = present; lane < tokens; lane++) zeroGroup(group, block + <usize>lane * 4, <usize>tokens * 4)
  }
}

/** Bytes of a token's block. */
// @ts-ignore: decorator
@inline
export function quantizedBlockBytes(group: i32): i32 {
  return group == largeGroup ? <i32>activationBytes : group + 8
}

/** One token's group; its 4-byte steps, bias and scale lie `spacing` bytes apart. */
function quantizeGroup(x: usize, group: i32, target: usize, spacing: usize): void {
  // Magnitudes are compared as integers, which costs less and lets a NaN win: it then shows in every result.
  const magnitude = i32x4.splat(0x7fffffff)
  const end = x + <usize>group * 4
  let largest = i32x4.splat(0)
  for (let at = x; at < end; at += 16) largest = i32x4.max_s(largest, v128.and(v128.load(at), magnitude))
  largest = i32x4.max_s(largest, v128.shuffle<i32>(largest, largest, 2, 3, 0, 1))
  const amax = reinterpret<f32>(max(i32x4.extract_lane(largest, 0), i32x4.extract_lane(largest, 1)))
  const inverse: f32 = amax == 0 ? 0 : 127 / amax
  const total = inverse == Infinity ? signs(x, group, target, spacing) : roundGroup(x, group, target, spacing, inverse)
  const steps = target
  target += spacing * <usize>(group >> 2)
  if (group == largeGroup) {
    storeSums(steps, target, spacing)
    store<f32>(target + spacing * 12, amax / 127)
    return
  }
  store<i32>(target, -8 * total)
  store<f32>(target + spacing, amax / 127)
}

/** The sums of 16 bytes each, then those of 32: i16 in pairs. */
function storeSums(steps: usize, target: usize, spacing: usize): void {
  for (let pair: usize = 0; pair < 8; pair++) {
    const first = sumOfSteps(steps, spacing)
    const second = sumOfSteps(steps + spacing * 4, spacing)
    store<i16>(target + spacing * pair, <i16>first)
    store<i16>(target + spacing * pair, <i16>second, 2)
    store<i16>(target + spacing * (8 + (pair >> 1)) + (pair & 1) * 2, <i16>(first + second))
    steps += spacing * 8
  }
}

/** The sum of the bytes of four steps. */
function sumOfSteps(at: usize, spacing: usize): i32 {
  let bytes = v128.load32_zero(at)
  bytes = v128.load_lane<u32>(at + spacing, bytes, 1)
  bytes = v128.load_lane<u32>(at + spacing * 2, bytes, 2)
  bytes = v128.load_lane<u32>(at + spacing * 3, bytes, 3)
  const sums = i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(bytes))
  return (
    i32x4.extract_lane(sums, 0) +
    i32x4.extract_lane(sums, 1) +
    i32x4.extract_lane(sums, 2) +
    i32x4.extract_lane(sums, 3)
  )
}

/** The nearest integers of x * inverse, all within 127, and their sum. */
function roundGroup(x: usize, group: i32, target: usize, spacing: usize, inverse: f32): i32 {
  const factor = f32x4.splat(inverse)
  const end = x + <usize>group * 4
  let sum = i32x4.splat(0)
  for (; x < end; x += 64) {
    const low = i16x8.narrow_i32x4_s(nearest(v128.load(x), factor), nearest(v128.load(x, 16), factor))
    const high = i16x8.narrow_i32x4_s(nearest(v128.load(x, 32), factor), nearest(v128.load(x, 48), factor))
    const bytes = i8x16.narrow_i16x8_s(low, high)
    sum = i32x4.add(sum, i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(bytes)))
    v128.store_lane<u32>(target, bytes, 0)
    v128.store_lane<u32>(target + spacing, bytes, 1)
    v128.store_lane<u32>(target + spacing * 2, bytes, 2)
    v128.store_lane<u32>(target + spacing * 3, bytes, 3)
    target += spacing * 4
  }
  return (
    i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3)
  )
}

/** Adding 1.5 * 2^23 leaves the integer nearest to a small number, ties to even, in the lower bits. */
// @ts-ignore: decorator
@inline
function nearest(x: v128, factor: v128): v128 {
  const shift = f32x4.splat(12582912)
  return i32x4.sub(f32x4.add(f32x4.mul(x, factor), shift), shift)
}

/** What infinity times x becomes when it is clamped, and 0 for 0: values so small that 127 / amax overflows. */
function signs(x: usize, group: i32, target: usize, spacing: usize): i32 {
  let total = 0
  for (let step = group >> 2; step > 0; step--) {
    for (let lane: usize = 0; lane < 4; lane++) {
      const value = load<f32>(x + lane * 4)
      const integer = value > 0 ? 127 : value < 0 ? -127 : 0
      store<i8>(target + lane, <i8>integer)
      total += integer
    }
    x += 16
    target += spacing
  }
  return total
}

function zeroGroup(group: i32, target: usize, spacing: usize): void {
  for (let word = quantizedBlockBytes(group) >> 2; word > 0; word--) {
    store<i32>(target, 0)
    target += spacing
  }
}

/**
 * Y[m, n] = activations [m, k] x packed weights [n, k] transposed: the sum over groups, in order, of
 * f32(integer dot product) * (weight scale * activation scale) by multiply-add. The integers are exact, so the sum's bits
 * depend neither on m nor on threads, and between builds only on whether the multiply-add is fused. A slab of rows (from
 * a multiple of 8) is a matrix of its own: pass its first panel, y + its first column and its number of rows. Of q4k, q5k and
 * q6k: the sum over blocks of 256 columns of f32(sum of integer dot products * scales) * (factor * activation scale) and
 * f32(sum of integer sums * offsets) * (offset factor * activation scale), in this order.
 *
 *     word  0  activations    what quantizeRows wrote for the same m, k, group and tile: 4 for paired, else 6
 *     word  1  weights        packed, of whole panels
 *     word  2  y              f32 [m, n]
 *     word  3  m              >= 1
 *     word  4  n              rows of the weights, >= 1, without the padding
 *     word  5  k              a multiple of group
 *     word  6  strideY        elements between rows of y
 *     word  7  bits           4 or 8; of q4k, q5k and q6k 4, 5 or 6
 *     word  8  group          32, 64 or 128; of q4k, q5k and q6k 256
 *     word  9  workspace      see packedWorkspaceBytes in ../workspace.ts; unused for m < 4
 *     word 10  workspaceStride bytes per thread
 *     word 11  wide           1: tiles of two panels where m > 4 (for V8 with --experimental-wasm-revectorize), in twice the workspace
 *     word 12  paired         1: products in pairs of 16 bits (where four in 32 bits are slow)
 *     word 13  taken          see chunks.ts; below 0 for equal shares, as for m <= 4, where threads read far ahead
 *
 * Words 11 and 12 change no bit; the baseline build takes no notice of the first of them.
 */
export function matmulPacked(args: usize, thread: i32, threads: i32): void {
  const panels = (load<i32>(args, 16) + 7) >> 3
  const workspace = <usize>load<u32>(args, 36) + <usize>thread * <usize>load<u32>(args, 40)
  const taken = args + 52
  if (load<i32>(args, 12) <= streamedTokens || load<i32>(taken) < 0) {
    computePanels(args, shareStart(panels, thread, threads), shareStart(panels, thread + 1, threads), workspace)
    return
  }
  const size = panels < threads * chunkPanels * 4 ? chunkPanels >> 1 : chunkPanels
  const chunks = (panels + size - 1) / size
  for (;;) {
    const chunk = takeChunk(taken, chunks, threads)
    if (chunk < 0) return
    computePanels(args, chunk * size, min(panels, (chunk + 1) * size), workspace)
  }
}

/** The panels [panel, end) of the weights, of which each becomes columns of the result. */
function computePanels(args: usize, panel: i32, end: i32, workspace: usize): void {
  const activations = <usize>load<u32>(args, 0)
  const weights = <usize>load<u32>(args, 4)
  const y = <usize>load<u32>(args, 8)
  const m = load<i32>(args, 12)
  const n = load<i32>(args, 16)
  const k = load<i32>(args, 20)
  const strideY = <usize>load<u32>(args, 24) * 4
  const bits = load<i32>(args, 28)
  const group = load<i32>(args, 32)
  const wide = load<i32>(args, 44) != 0
  const paired = load<i32>(args, 48) != 0
  const blocks = k / group
  const blockBytes = group == largeGroup ? kBlockBytes(bits) : <usize>(group * bits + 16)
  const panelBytes = <usize>blocks * blockBytes
  const unpacked = workspace + resultBytes
  for (; panel < end; panel++) {
    const panelWeights = weights + <usize>panel * panelBytes
    const target = y + <usize>panel * 32
    const columns = min(8, n - panel * 8)
    if (group == largeGroup) {
      if (m <= streamedTokens)
        streamKPanel(activations, panelWeights, target, strideY, m, columns, blocks, bits, workspace, paired)
      else multiplyKPanel(activations, panelWeights, target, strideY, m, columns, blocks, bits, workspace, paired)
      continue
    }
    if (m <= streamedTokens) {
      streamPanel(activations, panelWeights, target, strideY, m, columns, blocks, group, bits, paired)
      continue
    }
    if (ASC_FEATURE_RELAXED_SIMD) {
      if (wide && panel + 1 < end) {
        const both = min(16, n - panel * 8)
        multiplyTwoPanels(activations, panelWeights, target, strideY, m, both, blocks, group, bits, unpacked, paired)
        panel++
        continue
      }
    }
    multiplyPanel(activations, panelWeights, target, strideY, m, columns, blocks, group, bits, unpacked, paired)
  }
}

function streamPanel(
  activations: usize,
  weights: usize,
  y: usize,
  strideY: usize,
  m: i32,
  columns: i32,
  blocks: i32,
  group: i32,
  bits: i32,
  paired: bool,
): void {
  const tokenBytes = <usize>(blocks * (group + 8))
  if (ASC_FEATURE_RELAXED_SIMD) {
    if (bits == 4 && m > 1) {
      if (m == 4) streamNibbles4(activations, tokenBytes, weights, y, strideY, columns, blocks, group, paired)
      else streamNibbles2(activations, tokenBytes, weights, y, strideY, columns, blocks, group, paired)
      const done = m & 6
      activations += tokenBytes * <usize>done
      y += strideY * <usize>done
      m -= done
    }
  }
  for (let token = 0; token < m; token++) {
    if (ASC_FEATURE_RELAXED_SIMD) {
      if (bits == 4) streamNibbles(activations, weights, y, columns, blocks, group, paired)
      else streamBytes(activations, weights, y, columns, blocks, group)
    } else {
      if (bits == 4) streamNibblesBaseline(activations, weights, y, columns, blocks, group)
      else streamBytesBaseline(activations, weights, y, columns, blocks, group)
    }
    activations += tokenBytes
    y += strideY
  }
}

/** 8 rows x all tokens: the weights are unpacked once, then 6 tokens at a time pass by. */
function multiplyPanel(
  activations: usize,
  weights: usize,
  y: usize,
  strideY: usize,
  m: i32,
  columns: i32,
  blocks: i32,
  group: i32,
  bits: i32,
  unpacked: usize,
  paired: bool,
): void {
  if (paired) unpackPaired(weights, unpacked, blocks, group, bits, 32)
  else if (ASC_FEATURE_RELAXED_SIMD) {
    if (bits == 4) unpackNibbles(weights, unpacked, blocks, group, 32)
    else unpackBytes(weights, unpacked, blocks, group, 32)
  } else if (bits == 4) unpackNibblesBaseline(weights, unpacked, blocks, group)
  else unpackBytesBaseline(weights, unpacked, blocks, group)
  const results = unpacked - resultBytes
  const tile = tileOf(paired)
  const panelBytes = <usize>(blocks * (group + 8) * tile)
  for (let token = 0; token < m; token += tile) {
    if (paired) {
      if (bits == 4) tileNibblesPaired(activations, unpacked, results, blocks, group)
      else tileBytesPaired(activations, unpacked, results, blocks, group)
    } else {
      memory.fill(results, 0, <usize>tile * 32)
      if (ASC_FEATURE_RELAXED_SIMD) {
        if (bits == 4) tileNibbles(activations, unpacked, results, blocks, group)
        else tileBytes(activations, unpacked, results, blocks, group)
      } else {
        if (bits == 4) tileNibblesBaseline(activations, unpacked, results, blocks, group)
        else tileBytesBaseline(activations, unpacked, results, blocks, group)
      }
    }
    const present = min(tile, m - token)
    for (let row = 0; row < present; row++) {
      const from = results + <usize>row * 32
      storeRow(y, v128.load(from), v128.load(from, 16), columns)
      y += strideY
    }
    activations += panelBytes
  }
}

/** What packed-paired.ts reads. */
function unpackPaired(weights: usize, unpacked: usize, blocks: i32, group: i32, bits: i32, stride: usize): void {
  if (bits == 4) unpackNibbles(weights, unpacked, blocks, group, stride)
  else unpackBytesPaired(weights, unpacked, blocks, group, stride)
}

/** multiplyPanel for two neighbouring panels side by side. */
function multiplyTwoPanels(
  activations: usize,
  weights: usize,
  y: usize,
  strideY: usize,
  m: i32,
  columns: i32,
  blocks: i32,
  group: i32,
  bits: i32,
  unpacked: usize,
  paired: bool,
): void {
  const next = weights + <usize>blocks * <usize>(group * bits + 16)
  if (paired) {
    unpackPaired(weights, unpacked, blocks, group, bits, 64)
    unpackPaired(next, unpacked + 32, blocks, group, bits, 64)
  } else if (bits == 4) {
    unpackNibbles(weights, unpacked, blocks, group, 64)
    unpackNibbles(next, unpacked + 32, blocks, group, 64)
  } else {
    unpackBytes(weights, unpacked, blocks, group, 64)
    unpackBytes(next, unpacked + 32, blocks, group, 64)
  }
  const results = unpacked - resultBytes
  const tile = tileOf(paired)
  const panelBytes = <usize>(blocks * (group + 8) * tile)
  for (let token = 0; token < m; token += tile) {
    if (paired) {
      if (bits == 4) tileNibblesPairedWide(activations, unpacked, results, blocks, group)
      else tileBytesPairedWide(activations, unpacked, results, blocks, group)
    } else {
      memory.fill(results, 0, <usize>tile * 64)
      if (bits == 4) tileNibblesWide(activations, unpacked, results, blocks, group)
      else tileBytesWide(activations, unpacked, results, blocks, group)
    }
    const present = min(tile, m - token)
    for (let row = 0; row < present; row++) {
      const from = results + <usize>row * 64
      storeRow(y, v128.load(from), v128.load(from, 16), 8)
      storeRow(y + 32, v128.load(from, 32), v128.load(from, 48), columns - 8)
      y += strideY
    }
    activations += panelBytes
  }
}
