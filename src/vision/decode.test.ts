import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { decodePicture } from './decode.ts'

/** Red above, blue below, four pixels wide and two high; where it is transparent it is green. */
function flag(alpha = 255): ReturnType<typeof sharp> {
  const data = Uint8Array.from({ length: 8 }, (_, at) => at).reduce(
    (pixels, at) => (
      pixels.set(alpha === 0 ? [0, 255, 0, 0] : at < 4 ? [255, 0, 0, alpha] : [0, 0, 255, alpha], at * 4),
      pixels
    ),
    new Uint8Array(32),
  )
  return sharp(data, { raw: { width: 4, height: 2, channels: 4 } })
}

/** The pixels of a row. */
function row({ data, width }: Awaited<ReturnType<typeof decodePicture>>, index: number): number[][] {
  return Array.from({ length: width }, (_, column) => [...data.subarray((index * width + column) * 4).subarray(0, 4)])
}

const [red, blue] = [
  [255, 0, 0, 255],
  [0, 0, 255, 255],
]

describe('decodePicture', () => {
  test.each([
    ['PNG', () => flag().png()],
    ['PNG with a palette', () => flag().png({ palette: true })],
    ['WebP', () => flag().webp({ lossless: true })],
    ['GIF', () => flag().gif()],
  ])('reads %s', async (_, file) => {
    const pixels = await decodePicture(await file().toBuffer())
    expect([pixels.width, pixels.height]).toEqual([4, 2])
    expect(row(pixels, 0)).toEqual([red, red, red, red])
    expect(row(pixels, 1)).toEqual([blue, blue, blue, blue])
  })

  test('reads JPEG, nearly as it was', async () => {
    const large = await flag().resize(64, 32, { kernel: 'nearest' }).jpeg({ quality: 95 }).toBuffer()
    const pixels = await decodePicture(large)
    const [first = []] = row(pixels, 4)
    red.forEach((value, channel) => expect(Math.abs((first[channel] ?? 0) - value)).toBeLessThan(12))
  })

  test('turns a picture as its EXIF data say', async () => {
    const pixels = await decodePicture(await flag().png().withMetadata({ orientation: 6 }).toBuffer())
    expect([pixels.width, pixels.height]).toEqual([2, 4])
    expect(row(pixels, 0)).toEqual([blue, red])
  })

  test('makes grey and 16 bits a sample RGB of 8', async () => {
    const grey = await flag().grayscale().png().toBuffer()
    const deep = await flag().toColourspace('rgb16').png().toBuffer()
    const [level = []] = row(await decodePicture(grey), 0)
    expect(level[0]).toBe(level[2])
    expect(row(await decodePicture(deep), 1)).toEqual([blue, blue, blue, blue])
  })

  test('keeps the colour of what is transparent', async () => {
    const pixels = await decodePicture(await flag(0).png().toBuffer())
    expect(row(pixels, 0)[0]?.slice(0, 3)).toEqual([0, 255, 0])
  })

  test('takes the first frame of what moves', async () => {
    const frames = [flag(), flag().negate({ alpha: false })].map((frame) => frame.raw().toBuffer())
    const data = Buffer.concat(await Promise.all(frames))
    const moving = sharp(data, { raw: { width: 4, height: 4, channels: 4, pageHeight: 2 } })
    for (const file of [moving.clone().gif(), moving.clone().webp({ lossless: true })]) {
      const pixels = await decodePicture(await file.toBuffer())
      expect([pixels.width, pixels.height]).toEqual([4, 2])
      expect(row(pixels, 0)).toEqual([red, red, red, red])
    }
  })

  test('refuses what is cut off', async () => {
    const noise = Uint8Array.from({ length: 100 * 100 * 3 }, (_, at) => (at * 7919) % 251)
    const whole = sharp(noise, { raw: { width: 100, height: 100, channels: 3 } })
    for (const file of [whole.clone().png(), whole.clone().jpeg(), whole.clone().webp()]) {
      const bytes = await file.toBuffer()
      await expect(decodePicture(bytes.subarray(0, bytes.length / 2))).rejects.toMatchObject({ code: 'invalid-file' })
    }
  })

  test.each([
    ['nothing', new Uint8Array(0)],
    ['text', new TextEncoder().encode('a picture')],
    ['SVG', new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')],
  ])('refuses %s', async (_, bytes) => {
    await expect(decodePicture(bytes)).rejects.toMatchObject({ code: 'invalid-file' })
  })

  test('refuses more pixels than memory is meant for before it decodes them', async () => {
    const file = await sharp({ create: { width: 8193, height: 8192, channels: 3, background: 'white' } })
      .png()
      .toBuffer()
    expect(file.length).toBeLessThan(1e6)
    await expect(decodePicture(file)).rejects.toMatchObject({ code: 'not-supported', found: '8193 x 8192' })
  })
})
