/** What a browser is given to decode, decoded by sharp: the colours of the file, and nothing transparent. */
import { crc32 } from 'node:zlib'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { withoutAlpha } from './png.ts'

const [width, height] = [19, 13]

/** Noise with every alpha, or grey noise. */
function noise(channels: 2 | 4): ReturnType<typeof sharp> {
  const data = Uint8Array.from({ length: width * height * channels }, (_, at) => (at * at * 31 + at * 7) % 256)
  return sharp(data, { raw: { width, height, channels } })
}

async function colours(file: Uint8Array) {
  const { hasAlpha } = await sharp(file).metadata()
  const { data, info } = await sharp(file).autoOrient().removeAlpha().raw().toBuffer({ resolveWithObject: true })
  return { hasAlpha, width: info.width, height: info.height, data }
}

describe('a PNG without alpha', () => {
  test.each([
    ['of 8 bits', () => noise(4).png()],
    ['of 16 bits', () => noise(4).toColourspace('rgb16').png()],
    ['of grey', () => noise(2).toColourspace('b-w').png()],
    ['that is interlaced', () => noise(4).png({ progressive: true })],
    ['that is turned', () => noise(4).png().withMetadata({ orientation: 6 })],
    ['in which all filters are used', () => noise(4).blur(2).png({ adaptiveFiltering: true })],
  ])('has the colours of one %s', async (_, make) => {
    const file = new Uint8Array(await make().toBuffer())
    const [before, after] = [await colours(file), await colours(await withoutAlpha(file))]
    expect(before.hasAlpha).toBe(true)
    expect(after).toEqual({ ...before, hasAlpha: false })
  })

  test('has the palette without what is transparent in it', async () => {
    const file = new Uint8Array(await noise(4).png({ palette: true, colours: 16 }).toBuffer())
    expect((await sharp(file).metadata()).hasAlpha).toBe(true)
    expect((await sharp(await withoutAlpha(file)).metadata()).hasAlpha).toBe(false)
  })

  test('is an opaque one as it was', async () => {
    const file = new Uint8Array(await noise(4).removeAlpha().png().toBuffer())
    expect(await withoutAlpha(file)).toEqual(file)
  })

  test('is a torn one as it was, wherever it is cut', async () => {
    const file = new Uint8Array(await noise(4).png().toBuffer())
    for (let end = 0; end < file.length; end += 7) {
      const torn = file.slice(0, end)
      expect(await withoutAlpha(torn)).toEqual(torn)
    }
  })

  test('is a damaged one as it was, so that whoever decodes it says so', async () => {
    const file = new Uint8Array(await noise(4).png().toBuffer())
    for (let at = 8; at < file.length; at += 5) {
      const damaged = file.slice()
      damaged[at] = (damaged[at] ?? 0) ^ 4
      expect(await withoutAlpha(damaged)).toEqual(damaged)
    }
  })

  test('is not made of one that lies about its size', async () => {
    const file = new Uint8Array(await noise(4).png().toBuffer())
    for (const [wide, high] of [
      [width + 1, height],
      [width, height - 1],
      [2 ** 31, 2 ** 31],
      [0, 0],
    ] as const) {
      const lying = file.slice()
      const view = new DataView(lying.buffer)
      view.setUint32(16, wide)
      view.setUint32(20, high)
      view.setUint32(29, crc32(lying.subarray(12, 29)))
      expect(await withoutAlpha(lying)).toEqual(lying)
    }
  })
})
