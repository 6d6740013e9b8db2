/** Mixtures of experts (src/program/ops/experts.ts): which rows an expert has is read when a program runs. */
import { matmul } from './matmul'
import { dot } from './norm'
import { expNonPositive } from './math'
import { matmulPacked, quantizedBlockBytes, quantizeRows } from './packed'
import { matmulPackedExact } from './packed-exact'
import { madd, shareStart } from './simd'
import { copyFloats, spanStart, storeTail } from './spans'
import { streamedTokens, tileOf } from './tokens'

/** exp(x) for x <= 0. */
// @ts-ignore: decorator
@inline
function exponential(x: f32): f32 {
  return f32x4.extract_lane(expNonPositive(f32x4.splat(x)), 0)
}

/** The greatest of the scores but that of `taken`, the first of equals. */
function bestOf(scores: usize, experts: i32, taken: i32): i32 {
  let best = taken == 0 ? 1 : 0
  for (let expert = best + 1; expert < experts; expert++) {
    if (expert != taken && load<f32>(scores + (expert << 2)) > load<f32>(scores + (best << 2))) best = expert
  }
  return best
}

/** What an expert has in the sum of the softmax around the best one: 0 where it is taken, or too far away. */
// @ts-ignore: decorator
@inline
function shareOf(scores: usize, expert: i32, best: i32, taken: i32, jitter: f32): f32 {
  if (expert == taken) return 0
  const most = load<f32>(scores + (best << 2))
  const score = load<f32>(scores + (expert << 2))
  return (most - score) / max(abs(score), most) > 2 * jitter ? <f32>0 : exponential(score - most)
}

function sumOfShares(scores: usize, experts: i32, best: i32, taken: i32, jitter: f32): f32 {
  let sum: f32 = 0
  for (let expert = 0; expert < experts; expert++) sum += shareOf(scores, expert, best, taken, jitter)
  return sum
}

/**
 * Two experts of every row and their weights; 0 for the others.
 *
 *     word 0  scores   f32 [rows, experts]
 *     word 1  routing  f32 [rows, experts]
 *     word 2  rows
 *     word 3  experts  >= 2
 *     word 4  jitter   f32
 */
export function sparseMixer(args: usize, thread: i32, threads: i32): void {
  const rows = load<i32>(args, 8)
  const experts = load<i32>(args, 12)
  const jitter = load<f32>(args, 16)
  const end = shareStart(rows, thread + 1, threads)
  for (let row = shareStart(rows, thread, threads); row < end; row++) {
    const offset = (<usize>row * experts) << 2
    const scores = <usize>load<u32>(args, 0) + offset
    const routing = <usize>load<u32>(args, 4) + offset
    memory.fill(routing, 0, (<usize>experts) << 2)
    const first = bestOf(scores, experts, -1)
    const second = bestOf(scores, experts, first)
    store<f32>(routing + (first << 2), 1 / sumOfShares(scores, experts, first, -1, jitter))
    store<f32>(routing + (second << 2), 1 / sumOfShares(scores, experts, second, first, jitter))
  }
}

/** result[j] += gradient[best] * weight of best * (1 where j is best, less the weight of j). */
function addMixerGradient(
  scores: usize,
  gradient: usize,
  result: usize,
  experts: i32,
  best: i32,
  taken: i32,
  jitter: f32,
): void {
  const inverse: f32 = 1 / sumOfShares(scores, experts, best, taken, jitter)
  const arriving = load<f32>(gradient + (best << 2)) * inverse
  for (let expert = 0; expert < experts; expert++) {
    const weight = shareOf(scores, expert, best, taken, jitter) * inverse
    const slope: f32 = (expert == best ? <f32>1 : <f32>0) - weight
    store<f32>(result + (expert << 2), load<f32>(result + (expert << 2)) + arriving * slope)
  }
}

/**
 * The derivative of sparseMixer.
 *
 *     word 0  scores    f32 [rows, experts]
 *     word 1  dRouting  f32 [rows, experts]
 *     word 2  dScores   f32 [rows, experts]
 *     word 3  rows
 *     word 4  experts
 *     word 5  jitter    f32
 */
export function sparseMixerGradient(args: usize, thread: i32, threads: i32): void {
  const rows = load<i32>(args, 12)
  const experts = load<i32>(args, 16)
  const jitter = load<f32>(args, 20)
  const end = shareStart(rows, thread + 1, threads)
  for (let row = shareStart(rows, thread, threads); row < end; row++) {
    const offset = (<usize>row * experts) << 2
    const scores = <usize>load<u32>(args, 0) + offset
    const gradient = <usize>load<u32>(args, 4) + offset
    const result = <usize>load<u32>(args, 8) + offset
    memory.fill(result, 0, (<usize>experts) << 2)
    const first = bestOf(scores, experts, -1)
    const second = bestOf(scores, experts, first)
    addMixerGradient(scores, gradient, result, experts, first, -1, jitter)
    addMixerGradient(scores, gradient, result, experts, second, first, jitter)
  }
}

/**
 * The places of the choices, by expert and then by row: i32 words, of which the first experts + 1 say where the places of an
 * expert begin (the last: how many there are), the next `places` the row of each, the next `places` its expert, and
 * [rows, experts] the place of a choice, or -1.
 *
 *     word 0  routing  f32 [rows, experts]
 *     word 1  table    i32 [experts + 1 + 2 * places + rows * experts]
 *     word 2  rows
 *     word 3  experts
 *     word 4  places   what there is room for
 */
export function expertPlaces(args: usize, thread: i32, threads: i32): void {
  if (thread != 0) return
  const routing = <usize>load<u32>(args, 0)
  const table = <usize>load<u32>(args, 4)
  const rows = load<i32>(args, 8)
  const experts = load<i32>(args, 12)
  const places = load<i32>(args, 16)
  let place = 0
  for (let expert = 0; expert < experts; expert++) {
    store<i32>(table + (expert << 2), place)
    for (let row = 0; row < rows; row++) {
      const choice = <usize>row * experts + expert
      const isChosen = load<f32>(routing + (choice << 2)) != 0 && place < places
      store<i32>(choices(table, experts, places) + (choice << 2), isChosen ? place : -1)
      if (!isChosen) continue
      store<i32>(rowsOfPlaces(table, experts) + (place << 2), row)
      store<i32>(rowsOfPlaces(table, experts) + ((places + place) << 2), expert)
      place++
    }
  }
  store<i32>(table + (experts << 2), place)
}

// @ts-ignore: decorator
@inline
function rowsOfPlaces(table: usize, experts: i32): usize {
  return table + ((experts + 1) << 2)
}

// @ts-ignore: decorator
@inline
function choices(table: usize, experts: i32, places: i32): usize {
  return rowsOfPlaces(table, experts) + (places << 3)
}

/** y = x * factor, over `count` floats. */
function scaleInto(y: usize, x: usize, factor: f32, count: i32): void {
  const factors = f32x4.splat(factor)
  let i = 0
  for (; i + 4 <= count; i += 4) v128.store(y + (i << 2), f32x4.mul(v128.load(x + (i << 2)), factors))
  if (i < count) storeTail(y + (i << 2), f32x4.mul(v128.load(x + (i << 2)), factors), count - i)
}

/**
 * The rows of x in the places of their choices; empty places are 0.
 *
 *     word 0  x         f32 [rows, width]
 *     word 1  routing   f32 [rows, experts]
 *     word 2  table     of expertPlaces
 *     word 3  y         f32 [places, width]
 *     word 4  experts
 *     word 5  places
 *     word 6  width
 *     word 7  weighted  1: rows are multiplied by the weight of the choice
 */
export function expertRows(args: usize, thread: i32, threads: i32): void {
  const table = <usize>load<u32>(args, 8)
  const experts = load<i32>(args, 16)
  const places = load<i32>(args, 20)
  const width = load<i32>(args, 24)
  const taken = load<i32>(table + (experts << 2))
  const end = shareStart(places, thread + 1, threads)
  for (let place = shareStart(places, thread, threads); place < end; place++) {
    const y = <usize>load<u32>(args, 12) + ((<usize>place * width) << 2)
    if (place >= taken) {
      memory.fill(y, 0, (<usize>width) << 2)
      continue
    }
    const row = <usize>load<i32>(rowsOfPlaces(table, experts) + (place << 2))
    const x = <usize>load<u32>(args, 0) + ((row * width) << 2)
    if (load<i32>(args, 28) == 0) {
      copyFloats(y, x, width)
      continue
    }
    const expert = <usize>load<i32>(rowsOfPlaces(table, experts) + ((places + place) << 2))
    scaleInto(y, x, load<f32>(<usize>load<u32>(args, 4) + ((row * experts + expert) << 2)), width)
  }
}

/**
 * Of every row the sum of its places, in the order of the experts.
 *
 *     word 0  y         f32 [places, width]
 *     word 1  routing   f32 [rows, experts]
 *     word 2  table     of expertPlaces
 *     word 3  sum       f32 [rows, width]
 *     word 4  rows
 *     word 5  experts
 *     word 6  places
 *     word 7  width
 *     word 8  weighted  1: places are multiplied by the weight of the choice
 */
export function expertSum(args: usize, thread: i32, threads: i32): void {
  const rows = load<i32>(args, 16)
  const experts = load<i32>(args, 20)
  const width = load<i32>(args, 28)
  const weighted = load<i32>(args, 32) != 0
  const places = choices(<usize>load<u32>(args, 8), experts, load<i32>(args, 24))
  // A thread has columns, so that one row is shared as well.
  const start = spanStart(width, thread, threads)
  const count = spanStart(width, thread + 1, threads) - start
  for (let row = 0; row < rows; row++) {
    const sum = <usize>load<u32>(args, 12) + ((<usize>row * width + start) << 2)
    memory.fill(sum, 0, (<usize>count) << 2)
    for (let expert = 0; expert < experts; expert++) {
      const choice = (<usize>row * experts + expert) << 2
      const place = load<i32>(places + choice)
      if (place < 0) continue
      const y = <usize>load<u32>(args, 0) + ((<usize>place * width + start) << 2)
      addScaled(sum, y, weighted ? load<f32>(<usize>load<u32>(args, 4) + choice) : 1, count)
    }
  }
}

/** target += source * factor. */
function addScaled(target: usize, source: usize, factor: f32, count: i32): void {
  const factors = f32x4.splat(factor)
  for (let i = 0; i < count; i += 4) {
    const at = target + (i << 2)
    const sum = madd(v128.load(source + (i << 2)), factors, v128.load(at))
    if (i + 4 <= count) v128.store(at, sum)
    else storeTail(at, sum, count - i)
  }
}

/**
 * The dot product of every row of x with each of its places in y; 0 where an expert was not chosen.
 *
 *     word 0  x         f32 [rows, width]
 *     word 1  y         f32 [places, width]
 *     word 2  table     of expertPlaces
 *     word 3  products  f32 [rows, experts]
 *     word 4  rows
 *     word 5  experts
 *     word 6  places
 *     word 7  width
 */
export function expertProducts(args: usize, thread: i32, threads: i32): void {
  const experts = load<i32>(args, 20)
  const width = load<i32>(args, 28)
  const places = choices(<usize>load<u32>(args, 8), experts, load<i32>(args, 24))
  const units = load<i32>(args, 16) * experts
  const end = shareStart(units, thread + 1, threads)
  for (let unit = shareStart(units, thread, threads); unit < end; unit++) {
    const place = load<i32>(places + ((<usize>unit) << 2))
    let product: f32 = 0
    if (place >= 0) {
      const x = <usize>load<u32>(args, 0) + ((<usize>(unit / experts) * width) << 2)
      product = dot(x, <usize>load<u32>(args, 4) + ((<usize>place * width) << 2), width)
    }
    store<f32>(<usize>load<u32>(args, 12) + ((<usize>unit) << 2), product)
  }
}

/**
 * Fills the places behind the last choice with 0.
 *
 *     word 0  y        f32 [places, width], updated
 *     word 1  table    of expertPlaces
 *     word 2  experts
 *     word 3  places
 *     word 4  width
 */
export function expertClear(args: usize, thread: i32, threads: i32): void {
  const width = load<i32>(args, 16)
  const taken = load<i32>(<usize>load<u32>(args, 4) + (load<i32>(args, 8) << 2))
  const empty = load<i32>(args, 12) - taken
  const first = taken + shareStart(empty, thread, threads)
  const count = taken + shareStart(empty, thread + 1, threads) - first
  memory.fill(<usize>load<u32>(args, 0) + ((<usize>first * width) << 2), 0, (<usize>count * width) << 2)
}

/*
 * The kernels below call others for the places of one expert. Their words begin with
 *
 *     word 0  table            of expertPlaces
 *     word 1  expert
 *     word 2  workspace
 *     word 3  workspaceStride  64 bytes more than the other kernel needs
 *
 * and go on with those of the other kernel, in which the addresses are those of the first place of all, and the number of rows is
 * put in. An expert that no row chose costs nothing, and its matrix is not read.
 */

// @ts-ignore: decorator
@inline
function firstPlace(args: usize): i32 {
  return load<i32>(<usize>load<u32>(args, 0) + (load<i32>(args, 4) << 2))
}

// @ts-ignore: decorator
@inline
function placesOf(args: usize): i32 {
  return load<i32>(<usize>load<u32>(args, 0) + (load<i32>(args, 4) << 2), 4) - firstPlace(args)
}

/** The words of the other kernel, in a part of the workspace that is the thread's own. */
function innerWords(args: usize, thread: i32, count: i32): usize {
  const words = <usize>load<u32>(args, 8) + <usize>(thread + 1) * <usize>load<u32>(args, 12) - 64
  memory.copy(words, args + 16, count << 2)
  return words
}

/** Moves an address by so many rows of `stride` floats. */
// @ts-ignore: decorator
@inline
function advance(words: usize, index: i32, rows: i32, stride: i32): void {
  const word = words + (index << 2)
  store<u32>(word, load<u32>(word) + <u32>((<usize>rows * <usize>stride) << 2))
}

/** `matmul` of an expert's rows of A. */
export function expertMatmul(args: usize, thread: i32, threads: i32): void {
  const count = placesOf(args)
  if (count == 0) return
  const words = innerWords(args, thread, 15)
  advance(words, 0, firstPlace(args), load<i32>(words, 24))
  advance(words, 2, firstPlace(args), load<i32>(words, 32))
  store<i32>(words, count, 12)
  matmul(words, thread, threads)
}

/** `matmul` over an expert's rows of A, read transposed, and of B; 0 where it has none. C is whole. */
export function expertOuter(args: usize, thread: i32, threads: i32): void {
  const count = placesOf(args)
  const words = innerWords(args, thread, 15)
  if (count == 0) {
    const elements = load<i32>(words, 12) * load<i32>(words, 16)
    const start = spanStart(elements, thread, threads)
    const end = spanStart(elements, thread + 1, threads)
    memory.fill(<usize>load<u32>(words, 8) + ((<usize>start) << 2), 0, (<usize>(end - start)) << 2)
    return
  }
  advance(words, 0, firstPlace(args), load<i32>(words, 24))
  advance(words, 1, firstPlace(args), load<i32>(words, 28))
  store<i32>(words, count, 20)
  matmul(words, thread, threads)
}

/** `matmulPackedExact` of an expert's rows. */
export function expertPackedExact(args: usize, thread: i32, threads: i32): void {
  const count = placesOf(args)
  if (count == 0) return
  const words = innerWords(args, thread, 12)
  advance(words, 0, firstPlace(args), load<i32>(words, 24))
  advance(words, 2, firstPlace(args), load<i32>(words, 28))
  store<i32>(words, count, 12)
  matmulPackedExact(words, thread, threads)
}

/** Tokens that so many rows take where they are quantised: the last panel is filled up. */
// @ts-ignore: decorator
@inline
function paddedTokens(rows: i32, tile: i32): i32 {
  return rows <= streamedTokens ? rows : ((rows + tile - 1) / tile) * tile
}

/** Bytes before the quantised rows of an expert. */
function quantizedBefore(table: usize, expert: i32, k: i32, group: i32, tile: i32): usize {
  let tokens = 0
  for (let other = 0; other < expert; other++) {
    tokens += paddedTokens(load<i32>(table + (other << 2), 4) - load<i32>(table + (other << 2)), tile)
  }
  return <usize>tokens * <usize>((k / group) * quantizedBlockBytes(group))
}

/** `quantizeRows` for the rows of all experts, one after the other; word 1 is the number of experts. */
export function expertQuantizeRows(args: usize, thread: i32, threads: i32): void {
  const table = <usize>load<u32>(args, 0)
  const experts = load<i32>(args, 4)
  for (let expert = 0; expert < experts; expert++) {
    const first = load<i32>(table + (expert << 2))
    const count = load<i32>(table + (expert << 2), 4) - first
    if (count == 0) continue
    const words = innerWords(args, thread, 7)
    advance(words, 0, first, load<i32>(words, 16))
    const before = quantizedBefore(table, expert, load<i32>(words, 12), load<i32>(words, 20), load<i32>(words, 24))
    store<u32>(words, load<u32>(words, 4) + <u32>before, 4)
    store<i32>(words, count, 8)
    quantizeRows(words, thread, threads)
  }
}

/** `matmulPacked` of an expert's rows of what expertQuantizeRows wrote. */
export function expertPacked(args: usize, thread: i32, threads: i32): void {
  const count = placesOf(args)
  if (count == 0) return
  const words = innerWords(args, thread, 13)
  // The words are the thread's own, so that nothing in them could be shared.
  store<i32>(words, -1, 52)
  const before = quantizedBefore(
    <usize>load<u32>(args, 0),
    load<i32>(args, 4),
    load<i32>(words, 20),
    load<i32>(words, 32),
    tileOf(load<i32>(words, 48) != 0),
  )
  store<u32>(words, load<u32>(words) + <u32>before)
  advance(words, 2, firstPlace(args), load<i32>(words, 24))
  store<i32>(words, count, 12)
  matmulPacked(words, thread, threads)
}
