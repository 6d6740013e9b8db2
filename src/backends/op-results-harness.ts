/** Test support: the cases of every operation, what the oracle makes of them, and how results are compared. */
import { isKvDType } from '../base/dtype.ts'
import type { Program } from '../program/program.ts'
import { referenceBackend } from './ref/index.ts'
import { drawCase, runCase, type OpCase } from './op-cases-harness.ts'

export type Results = Readonly<Record<string, Float32Array>>

/** Operations whose parameters and states may be cut into slabs on every backend. */
export const cuttableKinds: readonly string[] = [
  ...['accumulate', 'adamW', 'add', 'dequantize', 'fill', 'matmul', 'matmulPacked', 'scale', 'scaleByScalar'],
  'squaredNorm',
]

/** How often cases are drawn where all that they take in turn comes once or twice; 12 times elsewhere. */
const seeds: Readonly<Record<string, number>> = {
  attention: 32,
  attentionGradientKeys: 32,
  attentionGradientQueries: 32,
  dequantize: 32,
  embedding: 48,
  expertMatmul: 40,
  matmul: 28,
  matmulPacked: 80,
  pagedAttention: 128,
  topK: 48,
}
/** Of the largest magnitude that is expected. */
const tolerance = 2e-5
/** With a cache in 8 or 4 bits, whose queries and weights kernels round to 16. */
const toleranceOfBytes = 2e-4

/** The largest difference, in units of the largest expected magnitude; Infinity for NaN in one only or another length. */
function difference(found: Float32Array | undefined, expected: Float32Array): number {
  if (found?.length !== expected.length) return Infinity
  let [most, magnitude] = [0, 1e-6]
  for (const [index, value] of expected.entries()) {
    const other = found[index] as number
    if (!Number.isFinite(value) && Object.is(value, other)) continue
    const distance = Math.abs(other - value)
    if (Number.isNaN(distance)) return Infinity
    most = Math.max(most, distance)
    magnitude = Math.max(magnitude, Math.abs(value))
  }
  return most / magnitude
}

/** What differs from the expected beyond rounding, in words; undefined when nothing does. */
export function deviation(
  found: Results,
  expected: Results,
  { values: bound }: Pick<Program, 'values'>,
): string | undefined {
  const most = bound.some(({ type }) => isKvDType(type.dtype)) ? toleranceOfBytes : tolerance
  const [names, wanted] = [found, expected].map((results) => Object.keys(results).toSorted().join(', '))
  if (names !== wanted) return `${names} instead of ${wanted}`
  for (const [name, values] of Object.entries(expected)) {
    const distance = difference(found[name], values)
    if (!(distance <= most)) return `${name} deviates by ${distance}`
  }
  return undefined
}

export function sameBits(left: Results, right: Results): boolean {
  const bits = ({ buffer, byteOffset, length }: Float32Array): Int32Array => new Int32Array(buffer, byteOffset, length)
  const names = Object.keys(left)
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => {
      const [one, other] = [left[name], right[name]]
      if (one === undefined || other === undefined || one.length !== other.length) return false
      const others = bits(other)
      return bits(one).every((word, at) => word === others[at])
    })
  )
}

export async function runOnReference(one: OpCase): Promise<Results> {
  return runCase(await referenceBackend().open([one.program]), one)
}

const knownCases = new Map<string, readonly OpCase[]>()

/** The cases of an operation, drawn once per process. @param most so many of them */
export function casesOf(kind: string, most = Infinity): readonly OpCase[] {
  const cases = knownCases.get(kind) ?? Array.from({ length: seeds[kind] ?? 12 }, (_, seed) => drawCase(kind, seed))
  knownCases.set(kind, cases)
  return cases.slice(0, most)
}

const knownResults = new Map<OpCase, Promise<Results>>()

/** What the oracle makes of the cases, once per process. */
export function expectedOf(kind: string, most = Infinity): Promise<readonly Results[]> {
  const results = casesOf(kind, most).map((one) => {
    const result = knownResults.get(one) ?? runOnReference(one)
    knownResults.set(one, result)
    return result
  })
  return Promise.all(results)
}
