import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { PocketPhiError } from '../../base/errors.ts'
import { decodeText, isJsonObject, parseJson, type JsonObject } from '../../formats/json.ts'

/** One object of a file, and where it stands, for errors. */
export interface JsonLine {
  readonly place: string
  readonly fields: JsonObject
}

/**
 * The objects of a file of JSON Lines, or of gzip of them where the name ends in `.gz`. Empty lines are passed over.
 *
 * @throws PocketPhiError `not-found`; `invalid-file` naming the line that is no JSON object
 */
export async function readJsonLines(file: string): Promise<JsonLine[]> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new PocketPhiError('not-found', `The data cannot be read: "${file}".`, {
      expected: 'a file of JSON Lines, plain or gzip',
      remedy: 'Correct "file"; paths are taken from the working folder.',
      cause,
    })
  })
  const text = decodeText(file.endsWith('.gz') ? unzipped(bytes, file) : bytes, file)
  return text.split('\n').flatMap((line, index): JsonLine[] => {
    if (line.trim() === '') return []
    const place = `"${file}", line ${index + 1}`
    const fields = parseJson(line, place)
    if (isJsonObject(fields)) return [{ place, fields }]
    throw new PocketPhiError('invalid-file', `${place}, is no JSON object.`, { expected: 'an object in every line' })
  })
}

function unzipped(bytes: Uint8Array, file: string): Uint8Array {
  try {
    return gunzipSync(bytes)
  } catch (cause) {
    throw new PocketPhiError('invalid-file', `"${file}" is no gzip file, or a damaged one.`, { cause })
  }
}
