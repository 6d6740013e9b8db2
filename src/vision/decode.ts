/** Pictures in files: by the package `sharp` in Node, by the platform in a browser. */
import { PocketPhiError } from '../base/errors.ts'
import { nodeModule } from '../base/platform.ts'
import { mostPixels, tooLarge } from './layout.ts'
import { withoutAlpha } from './png.ts'
import type { Pixels } from './prepare.ts'

const formats = ['PNG', 'JPEG', 'WebP', 'GIF'] as const
type PictureFormat = (typeof formats)[number]

/** What a file begins with; null is any byte. */
const beginnings: Readonly<Record<PictureFormat, readonly (number | null)[]>> = {
  PNG: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
  JPEG: [0xff, 0xd8, 0xff],
  WebP: [0x52, 0x49, 0x46, 0x46, null, null, null, null, 0x57, 0x45, 0x42, 0x50],
  GIF: [0x47, 0x49, 0x46, 0x38],
}

/** The format that a file begins like; what decoders know beyond these four is not tried on files from somewhere. */
function formatOf(bytes: Uint8Array): PictureFormat {
  const format = formats.find((name) => beginnings[name].every((byte, at) => byte === null || bytes[at] === byte))
  if (format !== undefined) return format
  throw new PocketPhiError('invalid-file', 'This is no picture that can be read.', {
    expected: formats.join(', '),
    found: bytes.length === 0 ? 'an empty file' : `a file that begins otherwise`,
    remedy: 'Save it as PNG, JPEG, WebP or GIF.',
  })
}

/** The part of the package `sharp` that is used. */
interface SharpImage {
  autoOrient(): SharpImage
  toColourspace(name: 'srgb'): SharpImage
  ensureAlpha(): SharpImage
  raw(options: { depth: 'uchar' }): SharpImage
  metadata(): Promise<{ readonly width: number; readonly height: number }>
  toBuffer(options: {
    resolveWithObject: true
  }): Promise<{ readonly data: Uint8Array; readonly info: { readonly width: number; readonly height: number } }>
}
type Sharp = (bytes: Uint8Array, options: Readonly<Record<string, unknown>>) => SharpImage

function loadSharp(): Sharp {
  const modules = nodeModule('node:module')
  if (modules === undefined) throw new PocketPhiError('not-supported', 'Nothing here can decode pictures.')
  try {
    // By a way that no bundler follows: the package is an optional peer, 20 MB of native code.
    return modules.createRequire(import.meta.url)('sharp') as Sharp
  } catch (cause) {
    throw new PocketPhiError('not-supported', 'Pictures in files need the package "sharp".', {
      remedy: 'Install it: npm install sharp. Or give pixels.',
      cause,
    })
  }
}

function torn(format: PictureFormat, cause: unknown): PocketPhiError {
  const found = cause instanceof Error ? cause.message : String(cause)
  return new PocketPhiError('invalid-file', `The ${format} file cannot be decoded.`, {
    expected: 'a whole file',
    found,
    cause,
  })
}

/**
 * Reads a PNG, JPEG, WebP or GIF file: of one that moves the first frame, turned as its EXIF data say, colours as sRGB.
 *
 * What is transparent has the colour of the file, as in the reference. Of WebP and GIF a browser keeps no such colours: there it is black.
 *
 * @throws PocketPhiError `invalid-file` for another format and for what is torn; `not-supported` beyond 2^26 pixels, in Node before
 * they are decoded, and in Node without the package `sharp`
 */
export async function decodePicture(bytes: Uint8Array): Promise<Pixels> {
  const format = formatOf(bytes)
  return typeof globalThis.createImageBitmap === 'function'
    ? await decodeByPlatform(bytes, format)
    : await decodeBySharp(bytes, format)
}

async function decodeBySharp(bytes: Uint8Array, format: PictureFormat): Promise<Pixels> {
  const sharp = loadSharp()
  const open = (): SharpImage =>
    sharp(bytes, { pages: 1, failOn: 'error', limitInputPixels: false, sequentialRead: true })
  try {
    const { width, height } = await open().metadata()
    if (width * height > mostPixels) throw tooLarge(width, height)
    const image = open().autoOrient().toColourspace('srgb').ensureAlpha().raw({ depth: 'uchar' })
    const { data, info } = await image.toBuffer({ resolveWithObject: true })
    return { width: info.width, height: info.height, data }
  } catch (error) {
    if (error instanceof PocketPhiError) throw error
    throw torn(format, error)
  }
}

async function decodeByPlatform(bytes: Uint8Array, format: PictureFormat): Promise<Pixels> {
  const copy = bytes.slice()
  const file = format === 'PNG' ? await withoutAlpha(copy) : copy
  const blob = new Blob([file], { type: `image/${format.toLowerCase()}` })
  const bitmap = await createImageBitmap(blob, { imageOrientation: 'from-image', premultiplyAlpha: 'none' }).catch(
    (error: unknown) => {
      throw torn(format, error)
    },
  )
  try {
    const { width, height } = bitmap
    if (width * height > mostPixels) throw tooLarge(width, height)
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
    if (context === null) throw new PocketPhiError('not-supported', 'There is no canvas to decode pictures with.')
    context.drawImage(bitmap, 0, 0)
    return { width, height, data: context.getImageData(0, 0, width, height).data }
  } finally {
    bitmap.close()
  }
}
