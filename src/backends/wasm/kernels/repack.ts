/** Eight rows in blocks of ggml to a panel: what src/blocks/ggml-repack.ts does, with the same bits. */
import { transpose4 } from './panels'

/** Numbers of the types in a GGUF file. */
const q4_0: i32 = 2
const q8_0: i32 = 8
const q4_k: i32 = 12
const q5_k: i32 = 13
const q6_k: i32 = 14

/** `count` halves of a block of each row, to [count][8]. */
function interleaveHalves(from: usize, rowBytes: usize, count: i32, target: usize): void {
  for (let half = 0; half < count; half++) {
    let source = from
    for (let row: usize = 0; row < 16; row += 2) {
      store<u16>(target + row, load<u16>(source))
      source += rowBytes
    }
    from += 2
    target += 16
  }
}

/** `count` words of a block of each row, a multiple of four, to [count][8]. */
function interleaveWords(from: usize, rowBytes: usize, count: i32, target: usize): void {
  for (let word = 0; word < count; word += 4) {
    const upper = from + 4 * rowBytes
    transpose4(from, from + rowBytes, from + 2 * rowBytes, from + 3 * rowBytes, target, 32)
    transpose4(upper, upper + rowBytes, upper + 2 * rowBytes, upper + 3 * rowBytes, target + 16, 32)
    from += 16
    target += 128
  }
}

/** The f16 numbers without their signs. */
// @ts-ignore: decorator
@inline
function sizesOf(halves: v128): v128 {
  return v128.and(halves, i16x8.splat(0x7fff))
}

function areFinite(halves: v128): bool {
  return !v128.any_true(i16x8.ge_s(sizesOf(halves), i16x8.splat(0x7c00)))
}

/** Four words of which those of some lanes become `zero`, and those of others the negatives of their bytes. */
function mendWord(at: usize, zero: v128, zeros: v128, negatives: v128): void {
  const word = v128.load(at)
  const signed = v128.bitselect(i8x16.neg(word), word, negatives)
  v128.store(at, v128.bitselect(zero, signed, zeros))
}

/** Integers under a scale of 0 become zeros; those under a negative scale of Q8_0, which becomes positive, change sign. */
function mend(target: usize, words: i32, scales: v128, zeros: v128, negatives: v128): void {
  const zero = words == 4 ? i8x16.splat(<i8>0x88) : i8x16.splat(0)
  for (let word = 0; word < words; word++) {
    mendWord(target, zero, i32x4.extend_low_i16x8_s(zeros), i32x4.extend_low_i16x8_s(negatives))
    mendWord(target + 16, zero, i32x4.extend_high_i16x8_s(zeros), i32x4.extend_high_i16x8_s(negatives))
    target += 32
  }
  v128.store(target, v128.bitselect(sizesOf(scales), scales, v128.or(zeros, negatives)))
}

/** Whether -128 is among bytes [count][32]. */
function holdLowest(at: usize, count: i32): bool {
  let found = i8x16.splat(0)
  for (; count > 0; count--, at += 32) {
    const lowest = i8x16.splat(-128)
    found = v128.or(found, v128.or(i8x16.eq(v128.load(at), lowest), i8x16.eq(v128.load(at, 16), lowest)))
  }
  return v128.any_true(found)
}

/** A block of Q4_0 or Q8_0 of each row. @returns whether its values can be kept */
function repackSmall(from: usize, rowBytes: usize, words: i32, target: usize): bool {
  const scalesAt = target + <usize>words * 32
  interleaveWords(from + 2, rowBytes, words, target)
  interleaveHalves(from, rowBytes, 1, scalesAt)
  const scales = v128.load(scalesAt)
  const zeros = i16x8.eq(sizesOf(scales), i16x8.splat(0))
  const negatives = words == 8 ? i16x8.lt_s(scales, i16x8.splat(0)) : i16x8.splat(0)
  if (v128.any_true(v128.or(zeros, negatives))) mend(target, words, scales, zeros, negatives)
  return areFinite(scales) && !(words == 8 && holdLowest(target, words))
}

/** A block of Q4_K or Q5_K of each row. @returns whether its scales are finite */
function repackLarge(from: usize, rowBytes: usize, words: i32, target: usize): bool {
  interleaveHalves(from, rowBytes, 8, target)
  interleaveWords(from + 16, rowBytes, words, target + 128)
  return areFinite(v128.load(target)) && areFinite(v128.load(target, 16))
}

/** A block of Q6_K of each row: its upper bits go before the nibbles of the same 128 columns. */
function repackQ6K(from: usize, rowBytes: usize, target: usize): bool {
  interleaveHalves(from + 192, rowBytes, 9, target)
  interleaveWords(from + 128, rowBytes, 8, target + 144)
  interleaveWords(from, rowBytes, 16, target + 400)
  interleaveWords(from + 160, rowBytes, 8, target + 912)
  interleaveWords(from + 64, rowBytes, 16, target + 1168)
  return areFinite(v128.load(target, 128))
}

function repackBlock(type: i32, from: usize, rowBytes: usize, target: usize): bool {
  if (type == q4_0) return repackSmall(from, rowBytes, 4, target)
  if (type == q8_0) return repackSmall(from, rowBytes, 8, target)
  if (type == q4_k) return repackLarge(from, rowBytes, 32, target)
  if (type == q5_k) return repackLarge(from, rowBytes, 40, target)
  if (type == q6_k) return repackQ6K(from, rowBytes, target)
  return unreachable()
}

function blockBytes(type: i32): usize {
  if (type == q4_0) return 18
  if (type == q8_0) return 34
  if (type == q4_k) return 144
  if (type == q5_k) return 176
  return 210
}

/**
 * Eight rows to a panel, by one thread.
 *
 *     word 0  rows    [8][blocks] of ggml; zeros where the matrix has ended
 *     word 1  panel   of as many bytes, elsewhere
 *     word 2  blocks  of a row
 *     word 3  type    Q4_0, Q8_0, Q4_K, Q5_K or Q6_K, by its number in a GGUF file
 *     word 4  written: 1 when the values could be kept, else 0, and the panel is of no use
 */
export function repackPanel(args: usize, thread: i32, threads: i32): void {
  if (thread > 0) return
  let from = <usize>load<u32>(args, 0)
  let target = <usize>load<u32>(args, 4)
  const blocks = load<i32>(args, 8)
  const type = load<i32>(args, 12)
  const bytes = blockBytes(type)
  const rowBytes = bytes * blocks
  let kept = true
  for (let block = 0; block < blocks; block++) {
    if (!repackBlock(type, from, rowBytes, target)) kept = false
    from += bytes
    target += bytes * 8
  }
  store<i32>(args, <i32>kept, 16)
}
