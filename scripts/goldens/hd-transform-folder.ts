/** Pictures before and after the HD transform. */
import type { FileTree } from '../../src/formats/tree.ts'
import {
  layoutPicture,
  overviewOf,
  pictureTokens,
  preparePicture,
  tileOf,
  tileSide,
  type Pixels,
} from '../../src/vision/index.ts'
import { largestDifference, withTensors, type Measured, type Row } from './compare.ts'

interface SizesJson {
  readonly rows: readonly Readonly<Record<string, number>>[]
}

interface ImagesJson {
  readonly cases: readonly {
    readonly name: string
    readonly num_crops_setting: number
    readonly input_size: number[]
  }[]
}

/** A picture without alpha, u8[height, width, 3]. */
export function opaquePixels(colours: Uint8Array, width: number, height: number): Pixels {
  const data = new Uint8Array(width * height * 4).fill(255)
  for (let at = 0; at < width * height; at++) data.set(colours.subarray(at * 3, at * 3 + 3), at * 4)
  return { width, height, data }
}

/** The rows of a folder with `sizes.json` and `images.json`. */
export async function hdTransformFolder(tree: FileTree, folder: string): Promise<Row[]> {
  const { rows } = (await tree.readJson('sizes.json')) as SizesJson
  const wrong = rows.filter((row) => {
    const layout = layoutPicture(row['width'] ?? 0, row['height'] ?? 0, row['num_crops_setting'] ?? 0)
    const before = row['resized_height'] === (row['crops_h'] ?? 0) * tileSide ? layout.left : layout.top
    const found = [layout.width, layout.height, layout.columns, layout.rows, pictureTokens(layout), before]
    const keys = ['resized_width', 'resized_height', 'crops_w', 'crops_h', 'image_tokens', 'pad_before']
    return keys.some((key, index) => row[key] !== found[index])
  })
  const sizes = { what: `${rows.length} sizes`, difference: wrong.length, tolerance: 0 }
  const found: Row[] = [{ folder, name: 'sizes', measured: [sizes], usesWeights: false }]
  const { cases } = (await tree.readJson('images.json')) as ImagesJson
  for (const { name, num_crops_setting: tiles, input_size: size } of cases) {
    const measured = await withTensors(tree, `${name}.safetensors`, async (golden): Promise<Measured[]> => {
      const [width = 0, height = 0] = size
      const prepared = preparePicture(opaquePixels(await golden.read('input_u8'), width, height), tiles)
      const overview = overviewOf(prepared)
      const sampled = overview.filter((_, at) => at % 4 === 0 && Math.floor(at / tileSide) % 4 === 0)
      const expected = await golden.readFloat32('global_image_every_4th')
      const result = [{ what: 'overview', difference: largestDifference(sampled, expected), tolerance: 1e-4 }]
      if (!golden.has('hd_u8')) return result
      const bytes = largestDifference(prepared.canvas, await golden.read('hd_u8'))
      const corner = tileOf(prepared, 0, 0).filter((_, at) => at % 16 === 0 && Math.floor(at / tileSide) % 16 === 0)
      const normalised = largestDifference(corner, await golden.readFloat32('normalised_hd_every_16th'))
      return [
        ...result,
        { what: 'bytes', difference: bytes, tolerance: 0 },
        { what: 'tile', difference: normalised, tolerance: 1e-5 },
      ]
    })
    found.push({ folder, name, measured, usesWeights: false })
  }
  return found
}
