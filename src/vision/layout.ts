import { PocketPhiError } from '../base/errors.ts'

/** The most pixels of a picture: 256 MiB at four bytes. */
export const mostPixels = 2 ** 26

/** What is said of a picture of more than `mostPixels`. */
export function tooLarge(width: number, height: number): PocketPhiError {
  return new PocketPhiError('not-supported', 'The picture is too large.', {
    expected: `at most ${mostPixels} pixels`,
    found: `${width} x ${height}`,
    remedy: 'Scale it down; the model sees no more than some two million of them.',
  })
}

/** Pixels along a side of what the vision tower sees at once: a tile of a picture, or all of it in small. */
export const tileSide = 336

/** Tokens along a side of a tile: patches of 14 pixels, of which two by two become one. */
export const tokensOfSide = 12

/** Where a picture lies on a grid of tiles, in pixels. */
export interface PictureLayout {
  /** The picture as it is scaled, both sides at least 1. */
  readonly width: number
  readonly height: number
  /** White on its left and above it; the rest of the white is on the other sides. */
  readonly left: number
  readonly top: number
  /** Tiles side by side and one above the other. */
  readonly columns: number
  readonly rows: number
}

/** The most tiles that a picture may be cut into; the models were trained with up to 16. */
const mostTiles = 64

/**
 * How a picture is cut into at most `tiles` tiles (the HD transform of InternLM-XComposer2-4KHD, Dong et al., 2024, as in the published
 * image processor of Phi-3-vision): its longer side becomes as many tiles long as leave room for the shorter one, which is
 * filled up with white to whole tiles.
 *
 * A side that would be scaled to less than one pixel, at which the reference fails, has one.
 *
 * @throws PocketPhiError `invalid-argument` unless the sides are positive integers and `tiles` is an integer from 1 to 64
 */
export function layoutPicture(width: number, height: number, tiles: number): PictureLayout {
  if (!Number.isInteger(tiles) || tiles < 1 || tiles > mostTiles) {
    throw new PocketPhiError('invalid-argument', 'A picture cannot be cut into so many tiles.', {
      expected: `an integer from 1 to ${mostTiles}`,
      found: String(tiles),
    })
  }
  if (![width, height].every((side) => Number.isInteger(side) && side > 0)) {
    throw new PocketPhiError('invalid-argument', 'A picture has no such size.', {
      expected: 'positive integers',
      found: `${width} x ${height}`,
    })
  }
  if (width < height) {
    const { width: tall, height: narrow, left, top, columns, rows } = layoutPicture(height, width, tiles)
    return { width: narrow, height: tall, left: top, top: left, columns: rows, rows: columns }
  }
  const ratio = width / height
  let columns = 1
  while ((columns + 1) * Math.ceil((columns + 1) / ratio) <= tiles) columns++
  const scaledWidth = columns * tileSide
  const scaledHeight = Math.max(1, Math.trunc(scaledWidth / ratio))
  const rows = Math.ceil(scaledHeight / tileSide)
  const top = Math.trunc((rows * tileSide - scaledHeight) / 2)
  return { width: scaledWidth, height: scaledHeight, left: 0, top, columns, rows }
}

/** Tokens that a picture takes: its tiles and all of it in small, each line of tokens with one that ends it, and one between the two. */
export function pictureTokens({ columns, rows }: Pick<PictureLayout, 'columns' | 'rows'>): number {
  const lines = (rows + 1) * tokensOfSide
  return (columns * rows + 1) * tokensOfSide ** 2 + lines + 1
}

/** What a token of a picture is: a part of it, the end of a line of tokens, or what stands between the tiles and the whole. */
export type PictureToken = 'part' | 'lineEnd' | 'viewEnd'

/** The tokens of a picture in their order. */
export function pictureTokenKinds({ columns, rows }: Pick<PictureLayout, 'columns' | 'rows'>): PictureToken[] {
  const lines = (count: number, width: number): PictureToken[] =>
    Array.from({ length: count * tokensOfSide * (width * tokensOfSide + 1) }, (_, index) =>
      (index + 1) % (width * tokensOfSide + 1) === 0 ? 'lineEnd' : 'part',
    )
  return [...lines(rows, columns), 'viewEnd', ...lines(1, 1)]
}
