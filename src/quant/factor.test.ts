import { expect, it } from 'vitest'
import { factorise } from './factor.ts'
import { choleskyOf, correlatedRows, momentsOf, plainProduct } from './plain-algebra-harness.ts'

/** Three block columns, the last of them not full. */
const size = 600

it('makes of moments and their damping the factor that plain loops find', async () => {
  const moments = momentsOf(correlatedRows(700, size, 1), size)
  let trace = 0
  for (let index = 0; index < size; index++) trace += moments[index * (size + 1)] as number
  const damped = moments.slice()
  for (let index = 0; index < size; index++) {
    damped[index * (size + 1)] = (damped[index * (size + 1)] as number) + (0.01 * trace) / size
  }
  const expected = choleskyOf(damped, size)
  await factorise(moments, size, plainProduct)
  let [error, energy] = [0, 0]
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      const at = row * size + column
      error += ((moments[at] as number) - (expected[at] as number)) ** 2
      energy += (expected[at] as number) ** 2
    }
  }
  expect(Math.sqrt(error / energy)).toBeLessThan(1e-5)
})

it('clears what is above the diagonal within a tile, so that tiles can be multiplied as they are', async () => {
  const moments = momentsOf(correlatedRows(50, 300, 2), 300)
  await factorise(moments, 300, plainProduct)
  expect(moments[1]).toBe(0)
  expect(moments[255]).toBe(0)
  expect(moments[298 * 300 + 299]).toBe(0)
})

it('takes every error alike where there are no moments', async () => {
  const moments = new Float32Array(32 * 32)
  await factorise(moments, 32, plainProduct)
  expect(moments).toEqual(Float32Array.from({ length: 32 * 32 }, (_, at) => (at % 33 === 0 ? 1 : 0)))
})
