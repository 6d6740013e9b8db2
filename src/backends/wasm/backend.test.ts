import { describe, expect, test } from 'vitest'
import { operationKinds, add, Trace, type Program } from '../../program/index.ts'
import type { Device } from '../backend.ts'
import { referenceBackend } from '../ref/index.ts'
import { wasmBackend, type WasmOptions } from './index.ts'
import { drawCase, drawnKinds, runCase, type OpCase } from './op-cases-harness.ts'

type Results = Record<string, Float32Array>

/** The largest difference, in units of the largest magnitude that is expected. */
function difference(found: Float32Array | undefined, expected: Float32Array): number {
  expect(found?.length).toBe(expected.length)
  const magnitude = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6)
  return (
    expected.reduce((most, value, index) => {
      const distance = Math.abs((found?.[index] ?? NaN) - value)
      return distance <= most ? most : distance
    }, 0) / magnitude
  )
}

function expectClose(found: Results, expected: Results, what: string): void {
  expect(Object.keys(found).toSorted()).toEqual(Object.keys(expected).toSorted())
  for (const [name, values] of Object.entries(expected)) {
    expect(difference(found[name], values), `${what} ${name}`).toBeLessThan(2e-5)
  }
}

function bits(results: Results): Record<string, string> {
  return Object.fromEntries(
    Object.entries(results).map(([name, values]) => [name, Buffer.from(values.buffer).toString('base64')]),
  )
}

/** A program that leaves NaN in all scratch that the others use, so that none gets by with memory that happens to be 0. */
function poison(): Program {
  const trace = new Trace('poison')
  const x = trace.bind('input', 'x', { dtype: 'f32', shape: [300_000] })
  trace.output('y', add(x, x))
  return trace.finish()
}

async function withDevice<T>(
  options: WasmOptions,
  programs: readonly Program[],
  body: (device: Device) => Promise<T>,
): Promise<T> {
  const device = await wasmBackend(options).open(programs)
  try {
    return await body(device)
  } finally {
    await device.dispose()
  }
}

async function runAll(options: WasmOptions, cases: readonly OpCase[]): Promise<Results[]> {
  const programs = [...cases.map(({ program }) => program), poison()]
  return withDevice(options, programs, async (device) => {
    const results: Results[] = []
    for (const [index, one] of cases.entries()) {
      if (index % 4 === 0) await device.run('poison', { x: new Float32Array(300_000).fill(NaN) })
      results.push(await runCase(device, one))
    }
    return results
  })
}

async function runOnReference(one: OpCase): Promise<Results> {
  return runCase(await referenceBackend().open([one.program]), one)
}

test('every operation has a case', () => {
  expect(drawnKinds).toEqual(operationKinds())
})

describe.each(drawnKinds)('%s', (kind) => {
  const cases = Array.from({ length: 10 }, (_, seed) => drawCase(kind, seed))

  test('agrees with the oracle on random shapes, in both builds', async () => {
    const relaxed = await runAll({ mode: 'inline', simd: 'relaxed' }, cases)
    const baseline = await runAll({ mode: 'inline', simd: 'baseline' }, cases)
    for (const [seed, one] of cases.entries()) {
      const expected = await runOnReference(one)
      expectClose(relaxed[seed] ?? {}, expected, `relaxed, seed ${seed}`)
      expectClose(baseline[seed] ?? {}, expected, `baseline, seed ${seed}`)
    }
  })
})

test('every operation has the same bits with kernels for wide vectors', async () => {
  const cases = drawnKinds.flatMap((kind) => [drawCase(kind, 100), drawCase(kind, 101)])
  const [narrow, wide] = [await runAll({ mode: 'inline' }, cases), await runAll({ mode: 'inline', wide: true }, cases)]
  cases.forEach(({ program }, index) => {
    expect(bits(wide[index] ?? {}), program.name).toEqual(bits(narrow[index] ?? {}))
  })
})

test('every operation has the same bits in the caller and with 1, 2 and 4 threads', async () => {
  const cases = drawnKinds.flatMap((kind) => [100, 101].map((seed) => drawCase(kind, seed)))
  const alone = await runAll({ mode: 'inline' }, cases)
  for (const threads of [1, 2, 4]) {
    const together = await runAll({ threads }, cases)
    for (const [index, { program }] of cases.entries()) {
      expect(bits(together[index] ?? {}), `${program.name}, ${threads} threads`).toEqual(bits(alone[index] ?? {}))
    }
  }
})

describe('slabs', () => {
  const elementwise = ['accumulate', 'adamW', 'add', 'fill', 'scale', 'scaleByScalar']
  // The order of sums may depend on the slabs in these.
  const sums = ['matmul', 'squaredNorm']

  test.each([...elementwise, ...sums, 'dequantize', 'matmulPacked'])(
    '%s agrees with the whole tensor',
    async (kind) => {
      const cases = Array.from({ length: 10 }, (_, seed) => drawCase(kind, 200 + seed))
      const whole = await runAll({ mode: 'inline' }, cases)
      const results = await runAll({ mode: 'inline', maxSlabBytes: 700 }, cases)
      for (const [index, one] of cases.entries()) {
        const [found, expected] = [results[index] ?? {}, whole[index] ?? {}]
        if (sums.includes(kind)) expectClose(found, expected, one.program.name)
        else expect(bits(found), one.program.name).toEqual(bits(expected))
      }
    },
  )

  test('an operation that cannot be cut says so by name', () => {
    const cases = Array.from({ length: 10 }, (_, seed) => drawCase('rmsNorm', seed).program)
    expect(() => wasmBackend({ maxSlabBytes: 16 }).measure(cases)).toThrowError(
      expect.objectContaining({ code: 'not-supported', message: expect.stringContaining('rmsNorm') }),
    )
  })
})
