/** Pictures: files whose bytes were changed, cut off and filled up. */
import sharp from 'sharp'
import type { Random } from '../../src/base/random.ts'
import { decodePicture } from '../../src/vision/decode.ts'
import { layoutPicture, mostPixels, preparePicture } from '../../src/vision/index.ts'
import { withoutAlpha } from '../../src/vision/png.ts'
import { mustHold, type FuzzFormat } from './format.ts'

const [width, height] = [23, 17]

/** A whole file of each kind, with EXIF data where the kind has some. */
async function wholeFiles(): Promise<readonly Uint8Array[]> {
  const data = Uint8Array.from({ length: width * height * 4 }, (_, at) => (at * 37) % 256)
  const picture = () => sharp(data, { raw: { width, height, channels: 4 } })
  const turned = { orientation: 6 }
  return await Promise.all([
    picture().png().toBuffer(),
    picture().png({ palette: true }).toBuffer(),
    picture().jpeg().withMetadata(turned).toBuffer(),
    picture().jpeg({ progressive: true }).toBuffer(),
    picture().webp({ lossless: true }).withMetadata(turned).toBuffer(),
    picture().webp({ quality: 50 }).toBuffer(),
    picture().gif().toBuffer(),
    sharp(Buffer.concat([data, data]), { raw: { width, height: height * 2, channels: 4, pageHeight: height } })
      .gif()
      .toBuffer(),
  ])
}

let whole: Promise<readonly Uint8Array[]> | undefined

/** Extents and lengths that a file may claim. */
const claims = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff]

async function mutate(random: Random): Promise<Uint8Array> {
  const file = random.pick(await (whole ??= wholeFiles()))
  const bytes = Uint8Array.from(file)
  const place = (): number => random.integer(Math.min(12, bytes.length), bytes.length)
  switch (random.pick(['whole', 'bytes', 'header', 'number', 'cut', 'more', 'beginning'])) {
    case 'whole':
      return bytes
    case 'bytes':
      for (let count = random.integer(1, 9); count > 0; count--) bytes[place()] = random.integer(0, 256)
      return bytes
    case 'header':
      bytes[random.integer(12, Math.min(60, bytes.length))] = random.integer(0, 256)
      return bytes
    case 'number':
      new DataView(bytes.buffer).setUint32(
        random.integer(8, Math.min(60, bytes.length - 4)),
        random.pick(claims),
        random.float() < 0.5,
      )
      return bytes
    case 'cut':
      return bytes.subarray(0, random.integer(0, bytes.length))
    case 'more':
      return Uint8Array.from([
        ...bytes,
        ...Array.from({ length: random.integer(1, 200) }, () => random.integer(0, 256)),
      ])
    default:
      bytes[random.integer(0, 12)] = random.integer(0, 256)
      return bytes
  }
}

export const pictureFormat: FuzzFormat = {
  name: 'picture',
  share: 60,
  mutate,
  /** Past the header are those whose size is known and taken. */
  async load(bytes, passed) {
    // What a browser is given of a PNG; of other files nothing is changed.
    const opaque = await withoutAlpha(Uint8Array.from(bytes))
    const pixels = await decodePicture(bytes)
    passed()
    const shown = await decodePicture(opaque)
    const isSame = pixels.data.every((value, at) => at % 4 === 3 || value === shown.data[at])
    mustHold(isSame, 'a picture has the same colours without alpha')
    mustHold(pixels.width * pixels.height <= mostPixels, 'a picture is no larger than it may be')
    mustHold(pixels.data.length === pixels.width * pixels.height * 4, 'there are four bytes a pixel')
    const { canvas, layout } = preparePicture(pixels, 1)
    mustHold(layout.columns === 1 && layout.rows === 1, 'a picture in one tile has one')
    mustHold(canvas.length === 336 * 336 * 3, 'a tile has its size')
    mustHold(layoutPicture(pixels.width, pixels.height, 16).columns <= 16, 'there are no more tiles than asked for')
  },
}
