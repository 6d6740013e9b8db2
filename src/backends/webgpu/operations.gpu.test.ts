import { describe, expect, test } from 'vitest'
import { hasSoftwareGpu } from '../../../tests/webgpu/software-gpu.ts'
import { add, operationKinds, Trace, type Program } from '../../program/index.ts'
import { drawnKinds, runCase } from '../op-cases-harness.ts'
import { casesOf, cuttableKinds, deviation, expectedOf, sameBits } from '../op-results-harness.ts'
import { webgpuBackend, type WebGpuOptions } from './backend.ts'

/** A program that leaves NaN in all scratch that the others use, so that none gets by with memory that happens to be 0. */
function poison(): Program {
  const trace = new Trace('poison')
  let x = trace.bind('input', 'x', { dtype: 'f32', shape: [300_000] })
  for (let turn = 0; turn < 4; turn++) trace.output(`y${turn}`, (x = add(x, x)))
  return trace.finish()
}

/** What is wrong with an operation: results that are not the oracle's, or that are other bits the second time. */
async function faultsOf(kind: string, options: WebGpuOptions = {}): Promise<string[]> {
  const [cases, expected] = [casesOf(kind), await expectedOf(kind)]
  const backend = await webgpuBackend(options)
  const device = await backend.open([...cases.map(({ program }) => program), poison()])
  const faults: string[] = []
  try {
    for (const [index, one] of cases.entries()) {
      if (index % 4 === 0) await device.run('poison', { x: new Float32Array(300_000).fill(NaN) })
      const before = device.dispatches
      const found = await runCase(device, one)
      // Tables of angles are the one thing that the caller's thread makes.
      if (device.dispatches === before && kind !== 'ropeTable')
        faults.push(`${one.program.name}: nothing ran on the GPU`)
      const fault = deviation(found, expected[index] ?? {}, one.program)
      if (fault !== undefined) faults.push(`${one.program.name}: ${fault}`)
      if (!sameBits(await runCase(device, one), found)) faults.push(`${one.program.name}: other bits the second time`)
    }
  } finally {
    await device.dispose()
  }
  return faults
}

test('every operation has a case', () => {
  expect(drawnKinds).toEqual(operationKinds())
})

describe.skipIf(!hasSoftwareGpu)('on SwiftShader', () => {
  test.each(drawnKinds)('%s agrees with the oracle, with the same bits every time', async (kind) => {
    expect(await faultsOf(kind)).toEqual([])
  })

  test.each([...cuttableKinds, 'embedding'])('%s agrees with the oracle over slabs', async (kind) => {
    expect(await faultsOf(kind, { maxSlabBytes: 700 })).toEqual([])
  })
})
