import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import golden from '../../tests/fixtures/vision/hd-transform.json' with { type: 'json' }
import { layoutPicture, overviewOf, pictureTokens, preparePicture, tileOf, tileSide, type Pixels } from './index.ts'

async function pixelsOf(name: string): Promise<Pixels> {
  const file = fileURLToPath(new URL(`../../tests/fixtures/vision/${name}.png`, import.meta.url))
  const { data, info } = await sharp(file).ensureAlpha().raw().toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, data }
}

/** A picture of one colour. */
function plain(width: number, height: number, level: number): Pixels {
  return { width, height, data: new Uint8Array(width * height * 4).fill(level) }
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

describe('layoutPicture', () => {
  test.each(golden.sizes.rows)('has the sizes and tokens of the reference: %i x %i in %i tiles', (...row) => {
    const [width, height, tiles, ...expected] = row as [number, number, number, ...unknown[]]
    const layout = layoutPicture(width, height, tiles)
    const { columns, rows } = layout
    const [before, axis] = height > width ? [layout.left, 'x'] : [layout.top, 'y']
    const padded = [columns * tileSide, rows * tileSide]
    const found = [layout.width, layout.height, ...padded, before, axis, columns, rows, pictureTokens(layout)]
    expect(found).toEqual(expected)
  })

  test('agrees with the published tests of the image processor', () => {
    const tokens = (width: number, height: number, tiles: number): number =>
      pictureTokens(layoutPicture(width, height, tiles))
    expect([tokens(64, 64, 4), tokens(1280, 640, 4), tokens(1280, 640, 16)]).toEqual([757, 457, 2353])
  })

  test('leaves a pixel of what would vanish', () => {
    expect(layoutPicture(10_000, 1, 16)).toMatchObject({ width: 5376, height: 1, columns: 16, rows: 1 })
    expect(layoutPicture(1, 10_000, 16)).toMatchObject({ width: 1, height: 5376, columns: 1, rows: 16 })
  })

  test.each([
    [0, 5, 4],
    [1.5, 5, 4],
    [5, NaN, 4],
    [5, 5, 0],
    [5, 5, 65],
  ])('refuses %d x %d in %d tiles', (width, height, tiles) => {
    expect(() => layoutPicture(width, height, tiles)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
  })
})

describe.each(golden.pictures)('$name', ({ name, tiles, tokens, overview }) => {
  test('becomes the picture of the reference, to the last byte', async () => {
    const { layout, canvas } = preparePicture(await pixelsOf(`${name}.input`), tiles)
    const expected = await pixelsOf(`${name}.hd`)
    expect([layout.columns * tileSide, layout.rows * tileSide]).toEqual([expected.width, expected.height])
    expect(pictureTokens(layout)).toBe(tokens)
    const differing = canvas.filter((byte, at) => byte !== expected.data[Math.floor(at / 3) * 4 + (at % 3)])
    expect(differing.length).toBe(0)
  })

  test('has the overview of the reference', async () => {
    const found = overviewOf(preparePicture(await pixelsOf(`${name}.input`), tiles))
    for (const [channel = 0, row = 0, column = 0, value] of overview) {
      expect(found[(channel * tileSide + row) * tileSide + column]).toBeCloseTo(value ?? NaN, 4)
    }
  })
})

test('tiles are those of the canvas, normalised, row by row', async () => {
  const prepared = preparePicture(await pixelsOf('landscape.input'), 2)
  const tile = tileOf(prepared, 0, 1)
  const at = (y: number, x: number): number => prepared.canvas[(y * 2 * tileSide + tileSide + x) * 3 + 2] as number
  for (const [y, x] of [
    [0, 0],
    [200, 17],
    [335, 335],
  ] as const) {
    const expected = (at(y, x) / 255 - 0.40821073) / 0.27577711
    expect(tile[(2 * tileSide + y) * tileSide + x]).toBeCloseTo(expected, 5)
  }
})

test('white is what the published tests of the image processor say', () => {
  const prepared = preparePicture(plain(50, 50, 255), 4)
  expect(mean(overviewOf(prepared))).toBeCloseTo(2.0503724, 5)
  expect(mean(tileOf(prepared, 1, 1))).toBeCloseTo(2.0503724, 5)
})

test('what is transparent has the colour that it has', () => {
  const pixels = { width: 2, height: 1, data: Uint8Array.of(10, 20, 30, 0, 10, 20, 30, 255) }
  const { canvas, layout } = preparePicture(pixels, 1)
  const middle = ((layout.top + 40) * tileSide + 7) * 3
  expect([...canvas.subarray(middle, middle + 3)]).toEqual([10, 20, 30])
})

test('pixels have to fit the size', () => {
  const pixels = { width: 2, height: 2, data: new Uint8Array(12) }
  expect(() => preparePicture(pixels, 4)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
})
