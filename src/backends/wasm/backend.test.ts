import { expect, test } from 'vitest'
import { add, Trace, type Program } from '../../program/index.ts'
import type { Backend, Device } from '../backend.ts'
import { wasmBackend } from './index.ts'
import { spreadBackend } from './memories-harness.ts'
import { drawCase, drawnKinds, runCase, type OpCase } from '../op-cases-harness.ts'
import { deviation, runOnReference, sameBits, type Results } from '../op-results-harness.ts'

/** A program that leaves NaN in all scratch that the others use, so that none gets by with memory that happens to be 0. */
function poison(): Program {
  const trace = new Trace('poison')
  const x = trace.bind('input', 'x', { dtype: 'f32', shape: [300_000] })
  trace.output('y', add(x, x))
  return trace.finish()
}

async function withDevice<T>(
  backend: Backend,
  programs: readonly Program[],
  body: (device: Device) => Promise<T>,
): Promise<T> {
  const device = await backend.open(programs)
  try {
    return await body(device)
  } finally {
    await device.dispose()
  }
}

async function runAll(backend: Backend, cases: readonly OpCase[]): Promise<Results[]> {
  const programs = [...cases.map(({ program }) => program), poison()]
  return withDevice(backend, programs, async (device) => {
    const results: Results[] = []
    for (const [index, one] of cases.entries()) {
      if (index % 4 === 0) await device.run('poison', { x: new Float32Array(300_000).fill(NaN) })
      results.push(await runCase(device, one))
    }
    return results
  })
}

/** Cases of every operation and what they give in the caller's thread. What all cases give is in operations.test.ts. */
const cases = drawnKinds.flatMap((kind) => [drawCase(kind, 100), drawCase(kind, 101)])
const alone = await runAll(wasmBackend({ mode: 'inline' }), cases)

function expectSameBits(found: readonly Results[], what: string): void {
  cases.forEach(({ program }, index) => {
    expect(sameBits(found[index] ?? {}, alone[index] ?? {}), `${program.name}, ${what}`).toBe(true)
  })
}

test.each(['baseline', 'relaxed'] as const)(
  'every operation agrees with the oracle in the caller, %s',
  async (simd) => {
    const found = await runAll(wasmBackend({ mode: 'inline', simd }), cases)
    for (const [index, one] of cases.entries()) {
      expect(deviation(found[index] ?? {}, await runOnReference(one), one.program), one.program.name).toBeUndefined()
    }
  },
)

test.each([{ wide: true }, { products: 'fours' }, { products: 'pairs' }, { products: 'pairs', wide: true }] as const)(
  'every operation has the same bits with $products, wide vectors $wide',
  async (options) => {
    expectSameBits(await runAll(wasmBackend({ mode: 'inline', ...options }), cases), JSON.stringify(options))
  },
)

test('every operation has the same bits with 1, 2 and 4 threads as in the caller', async () => {
  for (const threads of [1, 2, 4]) expectSameBits(await runAll(wasmBackend({ threads }), cases), `${threads} threads`)
})

test.each([0, 2])('every operation has the same bits in many memories as in one, %i threads', async (threads) => {
  let memories = 0
  const backend = spreadBackend(6, { threads }, ({ memories: made }) => (memories = made.length))
  expectSameBits(await runAll(backend, cases), `${threads} threads`)
  expect(memories).toBeGreaterThanOrEqual(6)
})

test('an operation over parameters in slabs that cannot be cut says so by name', () => {
  const programs = Array.from({ length: 10 }, (_, seed) => drawCase('rmsNorm', seed).program)
  expect(() => wasmBackend({ maxSlabBytes: 16 }).measure(programs)).toThrowError(
    expect.objectContaining({ code: 'not-supported', message: expect.stringContaining('rmsNorm') }),
  )
})
