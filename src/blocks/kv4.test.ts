import { expect, test } from 'vitest'
import { Random } from '../base/random.ts'
import { Kv4Pool, kv4Bytes } from './kv4.ts'

test('the largest component becomes -8 with a scale of 8 bits, and the others keep half a step, or one where they are nearly as large', () => {
  const random = new Random(1)
  const pool = new Kv4Pool(new Uint8Array(kv4Bytes(128, 96)), 64, 96)
  for (const place of [0, 63, 64, 100, 127]) {
    const values = Float64Array.from({ length: 96 }, () => 2 ** random.integer(-2, 2) * random.normal())
    pool.write(place, values)
    const found = pool.read(place)
    for (const group of [0, 32, 64]) {
      const components = values.subarray(group, group + 32)
      const extreme = components.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0)
      const step = Math.abs(extreme) / 8
      components.forEach((value, at) => {
        const cut = Math.sign(value) !== Math.sign(extreme) && Math.abs(value) > 7.4 * step
        const error = Math.abs((found[group + at] ?? NaN) - value)
        expect(error).toBeLessThanOrEqual((cut ? 1.05 : 0.54) * step)
      })
      expect((found[group + components.indexOf(extreme)] ?? NaN) / extreme).toBeCloseTo(1, 2)
    }
  }
})

test('a group has component i and 16 + i in a byte; scales lie behind the vectors, group by group', () => {
  const bytes = new Uint8Array(kv4Bytes(2, 64))
  const pool = new Kv4Pool(bytes, 2, 64)
  const vector = (scale: number) =>
    Float64Array.from({ length: 64 }, (_, at) => scale * (at < 32 ? 1 : 2) * ((at % 16) - 8))
  for (const place of [0, 1]) pool.write(place, vector(1 + place))
  expect([...bytes.subarray(0, 16)]).toEqual(Array.from({ length: 16 }, (_, at) => at * 17))
  expect([...bytes.subarray(32, 48)]).toEqual([...bytes.subarray(0, 16)])
  // 1 and 2, then 2 and 4, in bf16.
  expect([...new Uint16Array(bytes.slice(64).buffer)]).toEqual([0x3f80, 0x4000, 0x4000, 0x4080])
  expect(pool.read(1)).toEqual(vector(2))
})

test('of two components of the largest magnitude the positive one counts', () => {
  const pool = new Kv4Pool(new Uint8Array(kv4Bytes(1, 32)), 1, 32)
  pool.write(
    0,
    Float64Array.from({ length: 32 }, (_, at) => [-8, 8, 3][at] ?? 0),
  )
  expect([...pool.read(0).subarray(0, 4)]).toEqual([-7, 8, 3, 0].map((value) => expect.closeTo(value)))
})

test('what is nearly nothing is 0, and an infinity or NaN makes its group NaN', () => {
  const pool = new Kv4Pool(new Uint8Array(kv4Bytes(1, 64)), 1, 64)
  pool.write(0, new Float64Array(64).fill(1e-38))
  expect(pool.read(0).every((value) => value === 0)).toBe(true)
  for (const hostile of [NaN, Infinity, -Infinity]) {
    pool.write(
      0,
      Float64Array.from({ length: 64 }, (_, at) => (at === 3 ? hostile : 1)),
    )
    expect(pool.read(0).subarray(0, 32).every(Number.isNaN)).toBe(true)
    expect(
      pool
        .read(0)
        .subarray(32)
        .every((value) => value === 1),
    ).toBe(true)
  }
})
