/** Test support: what every operation has to pass on a GPU, in Node and in a page, against the oracle. */
import { add, Trace, type Program } from '../../program/index.ts'
import { runCase } from '../op-cases-harness.ts'
import { casesOf, deviation, expectedOf, sameBits } from '../op-results-harness.ts'
import type { WebGpuOptions } from './backend.ts'

/** A program that leaves NaN in all scratch that the others use, so that none gets by with memory that happens to be 0. */
function poison(): Program {
  const trace = new Trace('poison')
  let x = trace.bind('input', 'x', { dtype: 'f32', shape: [300_000] })
  for (let turn = 0; turn < 4; turn++) trace.output(`y${turn}`, (x = add(x, x)))
  return trace.finish()
}

export interface OperationFaults {
  readonly faults: readonly string[]
  /** Cases that were run, and the kernels that the GPU was given for them. */
  readonly cases: number
  readonly dispatches: number
}

export interface OperationOptions extends WebGpuOptions {
  /** How many of the cases are run; all when left out. */
  readonly most?: number
}

/** What is wrong with an operation: results that are not the oracle's, other bits the second time, or nothing that ran on the GPU. */
export async function operationFaults(
  kind: string,
  { most = Infinity, ...options }: OperationOptions = {},
): Promise<OperationFaults> {
  const cases = casesOf(kind, most)
  const expected = await expectedOf(kind, most)
  // As the engine imports it: a bundler complains of both ways in one page.
  const { webgpuBackend } = await import('./backend.ts')
  const backend = await webgpuBackend(options)
  const device = await backend.open([...cases.map(({ program }) => program), poison()])
  const faults: string[] = []
  let dispatches = 0
  try {
    for (const [index, one] of cases.entries()) {
      if (index % 4 === 0) await device.run('poison', { x: new Float32Array(300_000).fill(NaN) })
      const before = device.dispatches
      const found = await runCase(device, one)
      const given = device.dispatches - before
      dispatches += given
      // Tables of angles are the one thing that the caller's thread makes.
      if (given === 0 && kind !== 'ropeTable') faults.push(`${one.program.name}: nothing ran on the GPU`)
      const fault = deviation(found, expected[index] ?? {}, one.program)
      if (fault !== undefined) faults.push(`${one.program.name}: ${fault}`)
      if (!sameBits(await runCase(device, one), found)) faults.push(`${one.program.name}: other bits the second time`)
    }
  } finally {
    await device.dispose()
  }
  return { faults, cases: cases.length, dispatches }
}
