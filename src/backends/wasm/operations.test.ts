import { describe, expect, test } from 'vitest'
import { operationKinds } from '../../program/index.ts'
import { kernelModule } from './module.ts'
import { drawnKinds } from '../op-cases-harness.ts'
import { allFaults } from './op-checks-harness.ts'

test('every operation has a case', () => {
  expect(drawnKinds).toEqual(operationKinds())
})

describe.each(['baseline', 'relaxed'] as const)('%s build', (simd) => {
  test.each(drawnKinds)('%s agrees with the oracle, with the same bits for any threads and tiles', async (kind) => {
    expect(await allFaults(kind, await kernelModule(simd, false))).toEqual([])
  })
})
