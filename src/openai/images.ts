/** Pictures of a request. */
import { PocketPhiError } from '../base/errors.ts'
import type { PictureOptions } from '../engine/album.ts'
import { RequestError } from './errors.ts'
import { invalid, isFields, unsupported } from './fields.ts'

/** A picture that was read, and the parameter that it is. */
export interface RequestImage {
  readonly bytes: Uint8Array
  readonly options: PictureOptions
  readonly param: string
}

const dataUrl = /^data:image\/(?:png|jpeg|webp|gif);base64,/i

/**
 * Reads `image_url`. What is in the file is not looked at yet.
 *
 * @throws RequestError for another address than a `data:` URL: nothing is fetched; and for a value that cannot be used
 */
export function readImage(image: unknown, path: string): RequestImage {
  if (!isFields(image)) throw invalid(path, 'an object with "url"', image)
  const { url, detail, ...others } = image
  for (const [name, value] of Object.entries(others)) {
    if (value !== undefined && value !== null) throw unsupported(`${path}.${name}`, '"url" and "detail"', value)
  }
  if (typeof url !== 'string') throw invalid(`${path}.url`, 'a text', url)
  if (!dataUrl.test(url)) {
    throw unsupported(
      `${path}.url`,
      'a data: URL with a PNG, JPEG, WebP or GIF file in base64; nothing is fetched',
      url,
    )
  }
  return {
    bytes: readBase64(url.slice(url.indexOf(',') + 1), `${path}.url`),
    options: optionsOf(detail, path),
    param: `${path}.url`,
  }
}

function optionsOf(detail: unknown, path: string): PictureOptions {
  if (detail === undefined || detail === null || detail === 'auto' || detail === 'high') return {}
  if (detail === 'low') return { tiles: 1 }
  throw unsupported(`${path}.detail`, '"auto", "low" or "high"', detail)
}

function readBase64(text: string, param: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    throw invalid(param, 'base64 after the comma', text)
  }
}

/** What is said of a picture that the model does not take: the parameter is at fault, not the server. */
export function imageError(error: unknown, { param }: RequestImage): unknown {
  if (!(error instanceof PocketPhiError) || !['invalid-file', 'not-supported'].includes(error.code)) return error
  const { problem, expected, found, remedy } = error
  const reason = error.code === 'invalid-file' ? 'image_parse_error' : 'unsupported_value'
  return new RequestError(param, reason, problem, {
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
    ...(remedy === undefined ? {} : { remedy }),
  })
}
