/** The pictures of a model: what they are made of, and that the same pixels are the same picture. */
import { PocketPhiError } from '../base/errors.ts'
import { isJsonObject } from '../formats/json.ts'
import type { FileTree } from '../formats/tree.ts'
import { mostPixels, tooLarge } from '../vision/layout.ts'
import type { Pixels } from '../vision/prepare.ts'
import { Picture } from './pictures.ts'

/** A file of a picture, or its pixels. */
export type PictureSource = Uint8Array | Blob | Pixels

/** How a picture is taken in. */
export interface PictureOptions {
  /**
   * The most tiles that the picture is cut into, from 1 to 64: more show more of it and take more tokens (144 a tile, and about as
   * many for the picture as a whole). When left out what the model was published with, else 4.
   */
  readonly tiles?: number
}

/** What is taken for pictures where preprocessor_config.json does not say. */
export const usualTiles = 4

/** What says how pictures are cut. */
export const pictureSettingsFile = 'preprocessor_config.json'

/** The tiles of a picture that preprocessor_config.json names. @throws PocketPhiError `invalid-config`, `invalid-file` */
export async function readPictureTiles(tree: FileTree): Promise<number | undefined> {
  const json = (await tree.has(pictureSettingsFile)) ? await tree.readJson(pictureSettingsFile) : undefined
  const tiles = isJsonObject(json) ? json['num_crops'] : undefined
  if (tiles === undefined || tiles === null) return undefined
  if (typeof tiles === 'number' && Number.isInteger(tiles) && tiles >= 1 && tiles <= 64) return tiles
  throw new PocketPhiError('invalid-config', `The field "num_crops" of ${pictureSettingsFile} cannot be used.`, {
    expected: 'an integer from 1 to 64',
    found: JSON.stringify(tiles),
  })
}

/** Knows the pictures that are in use by what they show. */
export class Album {
  readonly #pictures = new Map<string, WeakRef<Picture>>()

  /** @throws PocketPhiError as `PhiModel.picture` */
  async take(source: PictureSource, tiles: number): Promise<Picture> {
    const pixels = await pixelsOf(source)
    const { preparePicture } = await import('../vision/prepare.ts')
    const key = await keyOf(pixels, tiles)
    const known = key === undefined ? undefined : this.#pictures.get(key)?.deref()
    if (known !== undefined) return known
    const picture = new Picture(pixels.width, pixels.height, preparePicture(pixels, tiles))
    for (const [other, reference] of this.#pictures) {
      if (reference.deref() === undefined) this.#pictures.delete(other)
    }
    if (key !== undefined) this.#pictures.set(key, new WeakRef(picture))
    return picture
  }
}

/** The pixels of a picture. @throws PocketPhiError as `PhiModel.picture` */
export async function pixelsOf(source: PictureSource): Promise<Pixels> {
  if (source instanceof Uint8Array) return await decode(source)
  if (source instanceof Blob) return await decode(new Uint8Array(await source.arrayBuffer()))
  const { width, height } = source
  if (width * height <= mostPixels) return source
  throw tooLarge(width, height)
}

/** What decodes is loaded when it is first needed: most pages have no use for it. */
async function decode(bytes: Uint8Array): Promise<Pixels> {
  const { decodePicture } = await import('../vision/decode.ts')
  return await decodePicture(bytes)
}

/** What tells pictures apart; undefined on pages without a secure origin, which have no digests. */
async function keyOf({ width, height, data }: Pixels, tiles: number): Promise<string | undefined> {
  const subtle = (globalThis.crypto as Partial<Crypto>).subtle
  if (subtle === undefined) return undefined
  const digest = new Uint8Array(await subtle.digest('SHA-256', data as Uint8Array<ArrayBuffer>))
  return `${width}x${height}, ${tiles}: ${[...digest].map((byte) => byte.toString(16)).join('.')}`
}
