import { describe, expect, test } from 'vitest'
import { operationKinds } from '../../program/index.ts'
import { referenceBackend } from '../ref/index.ts'
import { wasmBackend, type WasmOptions } from './index.ts'
import { drawCase, drawnKinds, runCase, type OpCase } from './op-cases-harness.ts'

/** The largest difference, in units of the largest magnitude of either. */
function difference(found: Float32Array, expected: Float32Array): number {
  expect(found.length).toBe(expected.length)
  let largest = 0
  let magnitude = 1e-6
  found.forEach((value, index) => {
    const wanted = expected[index] as number
    magnitude = Math.max(magnitude, Math.abs(wanted))
    const distance = Math.abs(value - wanted)
    if (!(distance <= largest)) largest = distance
  })
  return largest / magnitude
}

async function runOn(options: WasmOptions, one: OpCase): Promise<Record<string, Float32Array>> {
  const device = await wasmBackend(options).open([one.program])
  try {
    return await runCase(device, one)
  } finally {
    await device.dispose()
  }
}

async function runOnReference(one: OpCase): Promise<Record<string, Float32Array>> {
  return runCase(await referenceBackend().open([one.program]), one)
}

function expectClose(found: Record<string, Float32Array>, expected: Record<string, Float32Array>, what: string): void {
  expect(Object.keys(found).toSorted()).toEqual(Object.keys(expected).toSorted())
  for (const [name, values] of Object.entries(expected)) {
    expect(difference(found[name] as Float32Array, values), `${what} ${name}`).toBeLessThan(2e-5)
  }
}

test('every operation has a case', () => {
  expect(drawnKinds).toEqual(operationKinds())
})

describe.each(drawnKinds)('%s', (kind) => {
  test('agrees with the oracle on random shapes', async () => {
    for (let seed = 0; seed < 12; seed++) {
      const one = drawCase(kind, seed)
      const expected = await runOnReference(one)
      expectClose(await runOn({ mode: 'inline' }, one), expected, `seed ${seed}`)
      expectClose(await runOn({ mode: 'inline', simd: 'baseline' }, one), expected, `baseline, seed ${seed}`)
    }
  })
})
