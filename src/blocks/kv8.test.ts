import { expect, test } from 'vitest'
import { Random } from '../base/random.ts'
import { Kv8Pool, kv8Bytes } from './kv8.ts'

test('a vector keeps its largest component, and the others to half a step of a 127th of it', () => {
  const random = new Random(1)
  const pool = new Kv8Pool(new Uint8Array(kv8Bytes(128, 24)), 64, 24)
  for (const place of [0, 63, 64, 100, 127]) {
    const values = Float64Array.from({ length: 24 }, () => 2 ** random.integer(-20, 20) * random.normal())
    pool.write(place, values)
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    pool.read(place).forEach((value, at) => {
      expect(Math.abs(value - (values[at] ?? NaN))).toBeLessThanOrEqual((0.5 + 1e-5) * (largest / 127))
    })
    expect(pool.read(place).reduce((most, value) => Math.max(most, Math.abs(value)), 0) / largest).toBeCloseTo(1, 6)
  }
})

test('vectors lie one behind the other, then their scales', () => {
  const bytes = new Uint8Array(kv8Bytes(4, 3))
  const pool = new Kv8Pool(bytes, 2, 3)
  for (const [place, scale] of [1, 2, 4, 8].entries()) pool.write(place, [127 * scale, -127 * scale, scale * 2.5])
  expect([...new Int8Array(bytes.buffer, 0, 6)]).toEqual([127, -127, 2, 127, -127, 2])
  expect([...new Float32Array(bytes.slice(6, 14).buffer)]).toEqual([1, 2])
  expect([...new Float32Array(bytes.slice(20, 28).buffer)]).toEqual([4, 8])
  expect([...pool.read(3)]).toEqual([1016, -1016, 16])
})

test('what is nearly nothing is 0, and a NaN makes the vector NaN', () => {
  const pool = new Kv8Pool(new Uint8Array(kv8Bytes(1, 2)), 1, 2)
  pool.write(0, [1e-38, -1e-39])
  expect([...pool.read(0)]).toEqual([0, 0])
  pool.write(0, [1, NaN])
  expect(pool.read(0).every(Number.isNaN)).toBe(true)
})
