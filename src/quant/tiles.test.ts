import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Device } from '../backends/backend.ts'
import { wasmBackend } from '../backends/wasm/index.ts'
import { correlatedRows, plainProduct } from './plain-algebra-harness.ts'
import { tileHeight, tileProducts, tileProgram, tileWidth, type Rectangle } from './tiles.ts'

let device: Device

beforeAll(async () => {
  device = await wasmBackend({ threads: 0 }).open([tileProgram()])
})

afterAll(async () => {
  await device.dispose()
})

describe('tileProducts', () => {
  it.each([
    { what: 'parts of larger matrices', rows: 70, inner: 40, columns: 30, transposed: false },
    { what: 'the transpose of the right one', rows: 33, inner: 20, columns: 50, transposed: true },
    { what: 'whole tiles', rows: tileHeight, inner: tileWidth, columns: 16, transposed: true },
  ])('multiplies $what, whatever the product before it left behind', async ({ rows, inner, columns, transposed }) => {
    const multiply = tileProducts(device, undefined)
    const whole: Rectangle = {
      values: correlatedRows(tileHeight, 300, 1),
      stride: 300,
      row: 0,
      rows: tileHeight,
      column: 3,
      columns: tileWidth,
    }
    await multiply(whole, { ...whole, rows: tileWidth }, false)
    const left: Rectangle = { ...whole, rows, column: 7, columns: inner }
    const [height, width] = transposed ? [columns, inner] : [inner, columns]
    const right = { ...whole, row: 11, rows: height, column: 2, columns: width }
    const [found, expected] = [await multiply(left, right, transposed), await plainProduct(left, right, transposed)]
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const value = expected[row * tileWidth + column] as number
        expect(Math.abs((found[row * tileWidth + column] as number) - value)).toBeLessThan(1e-3 * (1 + Math.abs(value)))
      }
    }
  })

  it('stops when it is aborted', async () => {
    const rectangle = { values: new Float32Array(4), stride: 2, row: 0, rows: 2, column: 0, columns: 2 }
    const multiply = tileProducts(device, AbortSignal.abort())
    await expect(multiply(rectangle, rectangle, false)).rejects.toMatchObject({ code: 'aborted' })
  })
})
