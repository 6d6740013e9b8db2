import { describe, expect, test } from 'vitest'
import { linear, Trace } from '../../program/index.ts'
import { tensorType } from '../../program/ops/definition.ts'
import { deviceTests, failure, longProgram, onesFor, turns } from '../device-cases-harness.ts'
import { storageBytes, storageFor } from './evaluate.ts'
import { referenceBackend } from './index.ts'

/** Its products take tens of milliseconds each. */
const side = 128

describe('the oracle', () => {
  deviceTests({ backend: referenceBackend, side })

  test('is stopped by an abort that a timer brings', async () => {
    const device = await referenceBackend().open([longProgram(side)])
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 0)
    await expect(device.run('long', onesFor(side), { signal: controller.signal })).rejects.toEqual(failure('aborted'))
    const [begun = 0] = await device.read('count')
    expect(begun).toBeGreaterThan(0)
    expect(begun).toBeLessThan(turns)
  })
})

describe('measuring', () => {
  test('makes nothing: programs larger than any machine are measured', () => {
    const trace = new Trace('huge')
    const [rows, columns] = [2 ** 24, 2 ** 20]
    const weight = trace.bind('parameter', 'weight', tensorType('f32', rows, columns))
    trace.output('y', linear(trace.bind('input', 'x', tensorType('f32', 1, columns)), weight, 'f32'))
    const { parameters, scratch } = referenceBackend().measure([trace.finish()])
    expect({ parameters, scratch }).toEqual({ parameters: 8 * rows * columns, scratch: 8 * rows })
  })

  test.each(['f64', 'f32', 'f16', 'bf16', 'i32', 'i8', 'u8', 'q4g32', 'q8g64'] as const)(
    'counts the bytes that a tensor of %s takes',
    (dtype) => {
      const type = tensorType(dtype, 16, 128)
      expect(storageBytes(type)).toBe(storageFor(type).byteLength)
    },
  )
})
