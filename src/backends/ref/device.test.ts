import { describe, expect, test } from 'vitest'
import { PocketPhiError } from '../../base/errors.ts'
import { fill, linear, matmul, scale, Trace, type Program } from '../../program/index.ts'
import { tensorType } from '../../program/ops/definition.ts'
import { storageBytes, storageFor } from './evaluate.ts'
import { referenceBackend } from './index.ts'

const turns = 200

/** Products that take seconds in float64; `count` is the number of those that have begun. */
function long(): Program {
  const trace = new Trace('long')
  let x = trace.bind('input', 'x', tensorType('f32', 96, 96))
  const count = trace.bind('state', 'count', tensorType('f32', 1))
  for (let turn = 0; turn < turns; turn++) {
    fill(count, turn + 1)
    x = scale(matmul(x, x), 1 / 96)
  }
  trace.output('y', x)
  return trace.finish()
}

function short(): Program {
  const trace = new Trace('short')
  trace.output('y', scale(trace.bind('input', 'x', tensorType('f32', 2)), 3))
  return trace.finish()
}

const inputs = { x: new Float32Array(96 * 96).fill(1) }

const failure = (code: string, text = ''): unknown =>
  expect.objectContaining({ constructor: PocketPhiError, code, message: expect.stringContaining(text) })

describe('the oracle', () => {
  test('is stopped by an abort that a timer brings, and runs again afterwards', async () => {
    const device = await referenceBackend().open([long(), short()])
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 0)
    await expect(device.run('long', inputs, { signal: controller.signal })).rejects.toEqual(failure('aborted'))
    const [begun = 0] = await device.read('count')
    expect(begun).toBeGreaterThan(0)
    expect(begun).toBeLessThan(turns)
    expect(await device.run('short', { x: Float32Array.of(1, 2) })).toEqual({ y: Float32Array.of(3, 6) })
  })

  test('refuses what would race with a run', async () => {
    const device = await referenceBackend().open([long(), short()])
    const controller = new AbortController()
    const running = device.run('long', inputs, { signal: controller.signal })
    const refusal = failure('invalid-argument', 'one thing at a time')
    expect(() => device.write('count', Float32Array.of(1))).toThrow(refusal)
    await expect(device.read('count')).rejects.toEqual(refusal)
    await expect(device.readBytes('count')).rejects.toEqual(refusal)
    await expect(device.fill('count', () => {})).rejects.toEqual(refusal)
    await expect(device.run('short', { x: new Float32Array(2) })).rejects.toEqual(refusal)
    controller.abort()
    await expect(running).rejects.toEqual(failure('aborted'))
    device.write('count', Float32Array.of(5))
    expect(await device.read('count')).toEqual(Float32Array.of(5))
  })

  test('refuses what would race with a tensor that is being filled', async () => {
    const device = await referenceBackend().open([long()])
    await device.fill('count', (bytes) => {
      expect(() => device.write('count', Float32Array.of(1))).toThrow(failure('invalid-argument', 'filling'))
      bytes.set(new Uint8Array(Float32Array.of(2).buffer))
    })
    expect(await device.read('count')).toEqual(Float32Array.of(2))
  })

  test('a run that is disposed of rejects, and a disposed device refuses', async () => {
    const device = await referenceBackend().open([long()])
    const running = device.run('long', inputs)
    await device.dispose()
    await expect(running).rejects.toEqual(failure('aborted'))
    await expect(device.run('long', inputs)).rejects.toEqual(failure('invalid-argument', 'disposed'))
    expect(() => device.write('count', Float32Array.of(1))).toThrow(failure('invalid-argument', 'disposed'))
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
