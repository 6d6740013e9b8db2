/** Test support: runs a kernel on copies of its operands with 1 to 4 threads, in one build, and compares with f64. */
import { expect } from 'vitest'
import { Random } from '../../base/random.ts'
import type { KernelHarness, Word } from './kernel-harness.ts'

type Values = Float32Array | Int32Array | Float64Array

/** What a word of a case holds: a number, an operand that must stay as it is, a result, an operand that is updated. */
export type CaseWord =
  | Word
  | { readonly input: Values }
  | { readonly output: number }
  | { readonly update: Float32Array }
  | { readonly workspaceBytes: number }

export const input = (values: Values): CaseWord => ({ input: values })

/** A result of `count` floats; NaN before the call, so that an element left out is noticed. */
export const output = (count: number): CaseWord => ({ output: count })

export const update = (values: Float32Array): CaseWord => ({ update: values })

/** Scratch memory per thread: two words, its pointer and the bytes of one thread's part. */
export const workspace = (bytes: number): CaseWord => ({ workspaceBytes: bytes })

/**
 * The results (outputs and updates, in the order of their words). Fails when a guard, an input or, for another number of
 * threads, a bit of a result changes.
 */
export function runKernel(harness: KernelHarness, name: string, words: readonly CaseWord[]): Float32Array[] {
  const results = runOnce(harness, name, words, 1)
  for (const threads of [2, 3, 4]) {
    for (const [index, other] of runOnce(harness, name, words, threads).entries()) {
      const same = Buffer.from(bytesOf(other)).equals(bytesOf(results[index] as Float32Array))
      if (!same) expect.fail(`${name}: result ${index} has other bits with ${threads} threads`)
    }
  }
  return results
}

function runOnce(harness: KernelHarness, name: string, words: readonly CaseWord[], threads: number): Float32Array[] {
  harness.reset()
  const inputs: { pointer: number; values: Values }[] = []
  const results: { pointer: number; count: number }[] = []
  const filled = words.flatMap((word): Word[] => {
    if (typeof word === 'number' || 'float' in word) return [word]
    if ('workspaceBytes' in word) return [harness.alloc(word.workspaceBytes * threads), word.workspaceBytes]
    if ('input' in word) {
      const pointer = harness.put(word.input)
      inputs.push({ pointer, values: word.input })
      return [pointer]
    }
    const values = 'update' in word ? word.update : new Float32Array(word.output).fill(NaN)
    const pointer = harness.put(values)
    results.push({ pointer, count: values.length })
    return [pointer]
  })
  harness.call(name, filled, threads)
  for (const { pointer, values } of inputs) {
    const now = harness.bytes(pointer, values.byteLength)
    if (!Buffer.from(now).equals(bytesOf(values))) expect.fail(`${name} changed an input`)
  }
  return results.map(({ pointer, count }) => harness.f32(pointer, count).slice())
}

function bytesOf(values: Values): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

/** |actual - expected| <= absolute + relative * |expected|, element by element. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { relative = 1e-6, absolute = 1e-6, label = '' }: { relative?: number; absolute?: number; label?: string } = {},
): void {
  expect(actual.length, label).toBe(expected.length)
  for (let index = 0; index < expected.length; index++) {
    const found = actual[index] as number
    const wanted = expected[index] as number
    if (found === wanted) continue
    if (!(Math.abs(found - wanted) <= absolute + relative * Math.abs(wanted)))
      expect.fail(`${label} element ${index}: ${found}, expected ${wanted}`)
  }
}

/** Floats spread evenly in [low, high). */
export function randomFloats(seed: number, count: number, low = -1, high = 1): Float32Array {
  const random = new Random(seed)
  return Float32Array.from({ length: count }, () => low + (high - low) * random.float())
}

/** Integers in [low, high). */
export function randomIntegers(seed: number, count: number, low: number, high: number): Int32Array {
  const random = new Random(seed)
  return Int32Array.from({ length: count }, () => random.integer(low, high))
}

/** The f64 array of `count` values of a function of the index. */
export function tabulate(count: number, value: (index: number) => number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => value(index))
}

/** The element at an index known to be inside. */
export function at(values: ArrayLike<number>, index: number): number {
  if (!(index >= 0 && index < values.length)) throw new RangeError(`index ${index} of ${values.length}`)
  return values[index] as number
}
