/** Test support: what every operation has to pass on a module of kernels, against the oracle. */
import { present } from '../../base/errors.ts'
import type { Program } from '../../program/program.ts'
import { referenceBackend } from '../ref/index.ts'
import { drawCase, runCase, type OpCase } from './op-cases-harness.ts'
import { openPlayed, type PlayedOptions } from './played-harness.ts'

export type Results = Readonly<Record<string, Float32Array>>

/** Operations whose parameters and states may be cut into slabs. */
const cuttableKinds: readonly string[] = [
  ...['accumulate', 'adamW', 'add', 'dequantize', 'fill', 'matmul', 'matmulPacked', 'scale', 'scaleByScalar'],
  'squaredNorm',
]
/** Those among them of which the order of sums may depend on the slabs. */
const orderedBySlabs: readonly string[] = ['matmul', 'squaredNorm']

/** How often cases are drawn where all that they take in turn comes once or twice; 12 times elsewhere. */
const seeds: Readonly<Record<string, number>> = {
  attention: 24,
  attentionGradientKeys: 24,
  attentionGradientQueries: 24,
  dequantize: 32,
  embedding: 48,
  matmul: 28,
  matmulPacked: 80,
  pagedAttention: 72,
}
/** Of the largest magnitude that is expected. */
const tolerance = 2e-5
/** With a cache in 8 bits, whose queries and weights kernels round to 16. */
const toleranceOfBytes = 2e-4

/** The largest difference, in units of the largest expected magnitude; Infinity for NaN in one only or another length. */
function difference(found: Float32Array | undefined, expected: Float32Array): number {
  if (found?.length !== expected.length) return Infinity
  let [most, magnitude] = [0, 1e-6]
  for (const [index, value] of expected.entries()) {
    const other = found[index] as number
    if (Number.isNaN(value) && Number.isNaN(other)) continue
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
  const most = bound.some(({ type }) => type.dtype === 'kv8') ? toleranceOfBytes : tolerance
  const [names, wanted] = [found, expected].map((results) => Object.keys(results).toSorted().join(', '))
  if (names !== wanted) return `${names} instead of ${wanted}`
  for (const [name, values] of Object.entries(expected)) {
    const distance = difference(found[name], values)
    if (!(distance <= most)) return `${name} deviates by ${distance}`
  }
  return undefined
}

export function sameBits(left: Results, right: Results): boolean {
  const bytes = (values: Float32Array): Uint8Array =>
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  const names = Object.keys(left)
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => {
      const [one, other] = [left[name], right[name]]
      return one !== undefined && other !== undefined && Buffer.compare(bytes(one), bytes(other)) === 0
    })
  )
}

export async function runOnReference(one: OpCase): Promise<Results> {
  return runCase(await referenceBackend().open([one.program]), one)
}

const knownCases = new Map<string, readonly OpCase[]>()

/** The cases of an operation, drawn once per process. */
export function casesOf(kind: string): readonly OpCase[] {
  const cases = knownCases.get(kind) ?? Array.from({ length: seeds[kind] ?? 12 }, (_, seed) => drawCase(kind, seed))
  knownCases.set(kind, cases)
  return cases
}

const knownResults = new Map<string, Promise<readonly Results[]>>()

/** What the oracle makes of the cases, once per process. */
function expectedOf(kind: string): Promise<readonly Results[]> {
  const results = knownResults.get(kind) ?? Promise.all(casesOf(kind).map(runOnReference))
  knownResults.set(kind, results)
  return results
}

/** Runs cases one after the other; an error ends them. */
async function* play(
  module: WebAssembly.Module,
  cases: readonly OpCase[],
  options: PlayedOptions,
): AsyncGenerator<Results | Error> {
  const { device, forget } = openPlayed(
    module,
    cases.map(({ program }) => program),
    options,
  )
  for (const one of cases) {
    forget()
    try {
      yield await runCase(device, one)
    } catch (error) {
      yield error as Error
      return
    }
  }
}

/** Ways to run that must not change a bit. */
const variations: readonly PlayedOptions[] = [
  { threads: 2 },
  { threads: 3 },
  { threads: 4 },
  { threads: 1, wide: true },
  { threads: 2, wide: true },
  { threads: 1, paired: true },
  { threads: 2, wide: true, paired: true },
]

/** Ways to run on parameters and states in many pieces. */
const cuts: readonly PlayedOptions[] = [
  { threads: 1, maxSlabBytes: 700 },
  { threads: 3, maxSlabBytes: 700, wide: true, paired: true },
]

/**
 * What is wrong with an operation on these kernels, one finding after the other: results that are not the oracle's, or
 * change with the number of threads, the width of tiles, the width of sums or the slabs, and kernels that write where they should not.
 */
export async function* operationFaults(kind: string, module: WebAssembly.Module): AsyncGenerator<string> {
  const [cases, expected] = [casesOf(kind), await expectedOf(kind)]
  const alone: Results[] = []

  async function* compare(
    options: PlayedOptions,
    judge: (found: Results, index: number) => string | undefined,
  ): AsyncGenerator<string> {
    let index = 0
    for await (const found of play(module, cases, options)) {
      const fault = found instanceof Error ? found.message : judge(found, index)
      const name = present(cases[index], 'case').program.name
      if (fault !== undefined) yield `${name}, ${JSON.stringify(options)}: ${fault}`
      index += 1
    }
  }

  yield* compare({ threads: 1 }, (found, index) => {
    alone.push(found)
    return deviation(found, present(expected[index], 'result'), present(cases[index], 'case').program)
  })
  const asAlone = (found: Results, index: number): string | undefined =>
    sameBits(found, present(alone[index], 'result')) ? undefined : 'other bits than one thread with narrow tiles'
  for (const options of variations) yield* compare(options, asAlone)
  if (!cuttableKinds.includes(kind)) return
  const asExpected = (found: Results, index: number): string | undefined =>
    deviation(found, present(expected[index], 'result'), present(cases[index], 'case').program)
  for (const options of cuts) yield* compare(options, orderedBySlabs.includes(kind) ? asExpected : asAlone)
}

/** All of operationFaults. */
export async function allFaults(kind: string, module: WebAssembly.Module): Promise<string[]> {
  const faults: string[] = []
  for await (const fault of operationFaults(kind, module)) faults.push(fault)
  return faults
}
