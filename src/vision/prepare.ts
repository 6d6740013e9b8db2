import { PocketPhiError } from '../base/errors.ts'
import { layoutPicture, tileSide, type PictureLayout } from './layout.ts'
import { resizeBilinear } from './resize.ts'

/** A decoded picture: four bytes a pixel (red, green, blue, alpha), row after row from the top left, as in a page's ImageData. */
export interface Pixels {
  readonly width: number
  readonly height: number
  /** u8[height, width, 4]: red, green, blue and alpha of each pixel, row by row from the top, as in `ImageData`. */
  readonly data: Uint8Array | Uint8ClampedArray
}

/** A picture on its grid of tiles. */
export interface PreparedPicture {
  readonly layout: PictureLayout
  /** The whole of it: three bytes a pixel. */
  readonly canvas: Uint8Array
}

/**
 * Places a picture on its grid of tiles: scaled, and filled up with white.
 *
 * Alpha is not looked at, as the reference takes pictures by convert('RGB'): what is transparent shows the colour that it has.
 *
 * @param tiles the most tiles that it may be cut into
 * @throws PocketPhiError `invalid-argument` when the data does not fit the size, and as `layoutPicture`
 */
export function preparePicture({ width, height, data }: Pixels, tiles: number): PreparedPicture {
  const layout = layoutPicture(width, height, tiles)
  if (data.length !== width * height * 4) {
    throw new PocketPhiError('invalid-argument', 'The pixels do not fit the size of the picture.', {
      expected: `${width * height * 4} bytes, four for each of ${width} x ${height} pixels`,
      found: String(data.length),
    })
  }
  const order = width < height ? 'columns' : 'rows'
  const scaled = resizeBilinear({ width, height, channels: 4, data }, layout.width, layout.height, order)
  const [fullWidth, fullHeight] = [layout.columns * tileSide, layout.rows * tileSide]
  const canvas = new Uint8Array(fullWidth * fullHeight * 3).fill(255)
  for (let row = 0; row < layout.height; row++) {
    const line = scaled.data.subarray(row * layout.width * 3, (row + 1) * layout.width * 3)
    canvas.set(line, ((layout.top + row) * fullWidth + layout.left) * 3)
  }
  return { layout, canvas }
}

/** Mean and standard deviation of each colour, of the pictures that CLIP was trained on (Radford et al., 2021; its published code). */
const means = [0.48145466, 0.4578275, 0.40821073] as const
const deviations = [0.26862954, 0.26130258, 0.27577711] as const

/** What a byte of each colour becomes; bytes may have fractions. */
function normalised(value: number, channel: number): number {
  return (value / 255 - (means[channel] as number)) / (deviations[channel] as number)
}

/** A tile of a picture, normalised: f32[3, 336, 336]. */
export function tileOf({ layout, canvas }: PreparedPicture, row: number, column: number): Float32Array {
  const stride = layout.columns * tileSide
  const tile = new Float32Array(3 * tileSide ** 2)
  for (let at = 0; at < tileSide ** 2; at++) {
    const [y, x] = [row * tileSide + Math.floor(at / tileSide), column * tileSide + (at % tileSide)]
    for (let channel = 0; channel < 3; channel++) {
      tile[channel * tileSide ** 2 + at] = normalised(canvas[(y * stride + x) * 3 + channel] as number, channel)
    }
  }
  return tile
}

/** The four samples around each of 336 places along an axis, and their weights. */
function cubicTaps(from: number): { readonly places: Int32Array; readonly weights: Float64Array } {
  const [places, weights] = [new Int32Array(tileSide * 4), new Float64Array(tileSide * 4)]
  for (let index = 0; index < tileSide; index++) {
    const at = ((index + 0.5) * from) / tileSide - 0.5
    const base = Math.floor(at)
    for (let tap = 0; tap < 4; tap++) {
      const place = base + tap - 1
      places[index * 4 + tap] = Math.min(from - 1, Math.max(0, place))
      weights[index * 4 + tap] = cubic(Math.abs(at - place))
    }
  }
  return { places, weights }
}

/** The weight of a sample at a distance below 2: cubic convolution (Keys, 1981) with a = -0.75. */
function cubic(distance: number): number {
  const a = -0.75
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1
  return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
}

/**
 * All of a picture in small, its sides squeezed to those of a tile, normalised: f32[3, 336, 336]. Samples are interpolated without a
 * filter before them, as in the reference, however much smaller they become.
 */
export function overviewOf({ layout, canvas }: PreparedPicture): Float32Array {
  const stride = layout.columns * tileSide
  const [across, down] = [cubicTaps(stride), cubicTaps(layout.rows * tileSide)]
  const overview = new Float32Array(3 * tileSide ** 2)
  for (let row = 0; row < tileSide; row++) {
    for (let column = 0; column < tileSide; column++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0
        for (let y = row * 4; y < row * 4 + 4; y++) {
          const line = (down.places[y] as number) * stride
          let ofLine = 0
          for (let x = column * 4; x < column * 4 + 4; x++) {
            const sample = canvas[(line + (across.places[x] as number)) * 3 + channel] as number
            ofLine += (across.weights[x] as number) * sample
          }
          sum += (down.weights[y] as number) * ofLine
        }
        // The weights of a place add up to 1, so that normalising may come last.
        overview[channel * tileSide ** 2 + row * tileSide + column] = normalised(sum, channel)
      }
    }
  }
  return overview
}
