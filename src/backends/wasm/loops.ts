/**
 * Loops of nothing but one kind of instruction, assembled by hand: what a machine can read and multiply at most, 16 bytes at a
 * time, and which of two ways to multiply bytes is the faster one.
 */
import { hasRelaxedSimd } from './module.ts'

const [loop, block, localGet, localSet, localTee] = [0x03, 0x02, 0x20, 0x21, 0x22] as const
const [i32Const, i32Add, i32LtU, branchIf, end] = [0x41, 0x6a, 0x49, 0x0d, 0x0b] as const
const simd = 0xfd
const [load, xor, extractI32] = [
  [simd, 0x00, 0x04],
  [simd, 0x51],
  [simd, 0x1b, 0],
] as const
/**
 * What multiplies two vectors that are on the stack onto the one that `sum` gets: i32x4.relaxed_dot_i8x16_i7x16_add_s for int8,
 * i16x8.relaxed_dot_i8x16_i7x16_s with i16x8.add for pairs, f32x4.relaxed_madd for f32.
 */
const instructions = {
  int8: (sum: readonly number[]) => [...sum, simd, 0x93, 0x02],
  pairs: (sum: readonly number[]) => [simd, 0x92, 0x02, ...sum, simd, 0x8e, 0x01],
  f32: (sum: readonly number[]) => [...sum, simd, 0x85, 0x02],
} as const

export type Product = keyof typeof instructions

/** Multiply-adds of one turn of a loop of products. */
export const productsPerTurn: Readonly<Record<Product, number>> = { int8: 12 * 16, pairs: 12 * 16, f32: 12 * 4 }

/** LEB128 in two bytes, whatever the value. */
function long(value: number): number[] {
  return [(value & 0x7f) | 0x80, value >> 7]
}

/** A module with one exported function run(first, end) that has `vectors` locals of v128 after these two. */
function assemble(vectors: number, body: readonly number[], sum: readonly number[]): WebAssembly.Module {
  const code = [1, vectors, 0x7b, block, 0x40, loop, 0x40, ...body, end, end, ...sum, ...extractI32, end]
  const section = (id: number, ...content: number[]) => [id, content.length, ...content]
  const name = [...'run'].map((letter) => letter.charCodeAt(0))
  return new WebAssembly.Module(
    Uint8Array.from([
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...section(1, 1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f),
      ...section(2, 1, 1, 0x65, 1, 0x6d, 0x02, 0x00, 1),
      ...section(3, 1, 0),
      ...section(7, 1, 3, ...name, 0, 0),
      ...[10, ...long(code.length + 3), 1, ...long(code.length), ...code],
    ]),
  )
}

/** Counts local 0 up by `step` until local 1. */
function turn(step: number): number[] {
  return [localGet, 0, i32Const, ...long(step), i32Add, localTee, 0, localGet, 1, i32LtU, branchIf, 0]
}

/** The xor of the locals [2, 2 + count). */
function xorOf(count: number): number[] {
  const rest = Array.from({ length: count - 1 }, (_, index) => [localGet, 3 + index, ...xor])
  return [localGet, 2, ...rest.flat()]
}

type Run = (first: number, end: number) => number

function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Run {
  return new WebAssembly.Instance(module, { e: { m: memory } }).exports['run'] as Run
}

/** Reads all bytes from a pointer to another, 128 a turn. */
export function readLoop(memory: WebAssembly.Memory): Run {
  const body: number[] = []
  for (let part = 0; part < 8; part++) {
    const accumulator = 2 + (part % 4)
    body.push(localGet, accumulator, localGet, 0, ...load, 16 * part, ...xor, localSet, accumulator)
  }
  return instantiate(assemble(4, [...body, ...turn(128)], xorOf(4)), memory)
}

/** Twelve multiply-adds of registers a turn, each onto its own accumulator; turns are counted from one number to another. */
export function productLoop(product: Product, memory: WebAssembly.Memory): Run {
  const [left, right] = [14, 15]
  const body: number[] = []
  for (let accumulator = 2; accumulator < 14; accumulator++) {
    const onto = instructions[product]([localGet, accumulator])
    body.push(localGet, left, localGet, right, ...onto, localSet, accumulator)
  }
  return instantiate(assemble(14, [...body, ...turn(1)], xorOf(12)), memory)
}

/** A measurement lasts at least so many milliseconds, since the clock of a page may tick in tenths of one. */
const shortestRun = 0.4
const longestMilliseconds = 50
/** Loops measure an instruction, of which kernels are a part: where pairs win by less, fours win in kernels. */
const leastGain = 1.5

/** Turns a millisecond. The turns of a call grow until it lasts long enough, from one measurement to the next. */
function stopwatch(run: Run): () => number {
  let turns = 4096
  return () => {
    for (;;) {
      const start = performance.now()
      run(0, turns)
      const elapsed = performance.now() - start
      if (elapsed >= shortestRun) return turns / elapsed
      turns *= 2
    }
  }
}

/**
 * Whether pairs are so much faster that kernels should use them. Until the optimising compiler has taken over, which is not at the same
 * time for both, the two are equally fast; so they are compared once they differ and neither has got faster for twice as long as
 * that took.
 *
 * @param four the speed of a loop of sums of four products, measured now
 * @param pairs that of a loop of sums of two
 */
export function pairsWin(four: () => number, pairs: () => number, now = () => performance.now()): boolean {
  const begin = now()
  let best = { four: 0, pairs: 0 }
  let [elapsed, lastGrowth] = [0, 0]
  const isSettled = (): boolean => {
    const differ = Math.max(best.four, best.pairs) > 1.2 * Math.min(best.four, best.pairs)
    return differ && elapsed > 3 * lastGrowth
  }
  while (elapsed < longestMilliseconds && !isSettled()) {
    const next = { four: Math.max(best.four, four()), pairs: Math.max(best.pairs, pairs()) }
    elapsed = now() - begin
    if (next.four > 1.1 * best.four || next.pairs > 1.1 * best.pairs) lastGrowth = elapsed
    best = next
  }
  return best.pairs > leastGain * best.four
}

let measured: boolean | undefined

/**
 * Whether sums of two products of bytes in 16 bits are faster here than sums of four in 32, which some processors have an
 * instruction for and others need five for. Measured once per process, in 3 to 50 ms; false without relaxed SIMD.
 */
export function pairsAreFaster(): boolean {
  if (measured === undefined && hasRelaxedSimd()) {
    const memory = new WebAssembly.Memory({ initial: 1 })
    measured = pairsWin(stopwatch(productLoop('int8', memory)), stopwatch(productLoop('pairs', memory)))
  }
  return measured ?? false
}
