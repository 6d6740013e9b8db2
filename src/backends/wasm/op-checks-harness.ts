/** Test support: what every operation has to pass on a module of kernels, against the oracle. */
import { present } from '../../base/errors.ts'
import { runCase, type OpCase } from '../op-cases-harness.ts'
import { casesOf, cuttableKinds, deviation, expectedOf, sameBits, type Results } from '../op-results-harness.ts'
import { openPlayed, type PlayedOptions } from './played-harness.ts'

/** Those among them of which the order of sums may depend on the slabs. */
const orderedBySlabs: readonly string[] = ['matmul', 'squaredNorm']

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
