import { describe, expect, test } from 'vitest'
import { hasSoftwareGpu } from '../../../tests/webgpu/software-gpu.ts'
import { operationKinds } from '../../program/index.ts'
import { drawnKinds } from '../op-cases-harness.ts'
import { cuttableKinds } from '../op-results-harness.ts'
import { operationFaults } from './operations-harness.ts'

test('every operation has a case', () => {
  expect(drawnKinds).toEqual(operationKinds())
})

describe.skipIf(!hasSoftwareGpu)('on SwiftShader', () => {
  test.each(drawnKinds)('%s agrees with the oracle, with the same bits every time', async (kind) => {
    expect((await operationFaults(kind)).faults).toEqual([])
  })

  test.each([...cuttableKinds, 'embedding'])('%s agrees with the oracle over slabs', async (kind) => {
    expect((await operationFaults(kind, { maxSlabBytes: 700 })).faults).toEqual([])
  })
})
