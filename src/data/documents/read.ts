/** Bytes and rows as documents, wherever they come from. */
import { describe } from '../../base/describe.ts'
import { isJsonObject } from '../../formats/json.ts'
import { decodePage } from './charset.ts'
import type { Found, RawDocument } from './found.ts'

/** Where JSON Lines and Parquet have what is wanted. */
export interface Fields {
  /** Plain text. Left out where there are pages. */
  readonly text?: string | undefined
  /** Pages as they were served. */
  readonly html?: string | undefined
  readonly title?: string | undefined
  readonly url?: string | undefined
}

/** Formats that are read from bytes alone, by the ends of names. */
export const plainFormats = [
  [/\.(?:jsonl|ndjson)$/, 'jsonl'],
  [/\.(?:txt|text|md)$/, 'text'],
  [/\.(?:html?|xhtml)$/, 'html'],
] as const satisfies readonly (readonly [RegExp, string])[]

export type PlainFormat = (typeof plainFormats)[number][1]

/** A longer line, text or page is not a document. */
export const largestDocument = 1 << 26

/** A text or a page, which is the whole of a file. @param name of a text, as its title */
export function wholeDocument(bytes: Uint8Array, format: RawDocument['format'], name: string): Found {
  if (bytes.length > largestDocument) return { reason: 'too large', detail: name }
  const text = decodePage(bytes)
  // What has a name of a text may hold anything.
  if (isBinary(text)) return { reason: 'not text', detail: name }
  return { format, text, ...(format === 'text' && { title: name }) }
}

/** Whether bytes that were read as text are none: texts have no zero characters, and few that cannot be read. */
function isBinary(text: string): boolean {
  const unreadable = text.match(/\uFFFD/g)?.length ?? 0
  return text.includes('\0') || unreadable > text.length / 10
}

/** A line of JSON Lines. @param number of it, for the report of what is wrong with it */
export function jsonDocument(line: string, number: number, fields: Fields): Found {
  let row: unknown
  try {
    row = JSON.parse(line)
  } catch (error) {
    return { reason: 'damaged', detail: `line ${number}: ${String(error)}` }
  }
  if (isJsonObject(row)) return rowDocument(row, `line ${number}`, fields)
  return { reason: 'damaged', detail: `line ${number}: ${describe(row)} is no object` }
}

/** A row of a table, by its fields. @param place in the file, for the report of what is missing */
export function rowDocument(row: Readonly<Record<string, unknown>>, place: string, fields: Fields): Found {
  const field = (name: string | undefined): string | undefined => {
    const value = name === undefined ? undefined : row[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const [url, title] = [field(fields.url), field(fields.title)]
  const named = { ...(url !== undefined && { url }), ...(title !== undefined && { title }) }
  const page = field(fields.html)
  if (page !== undefined) return { format: 'html', text: page, ...named }
  const text = field(fields.text)
  if (text !== undefined) return { format: 'text', text, ...named }
  return { reason: 'no text', detail: `${place}: no field ${fields.html ?? fields.text ?? ''}` }
}

/** What the end of a file's name promises; undefined for none of `plainFormats`. */
export function plainFormatOf(name: string): PlainFormat | undefined {
  return plainFormats.find(([pattern]) => pattern.test(name.toLowerCase()))?.[1]
}

/**
 * The documents of a file that is in memory as a whole, and what in it is none.
 *
 * @param bytes at most `largestDocument`
 * @param name of the file, as the title of a text
 */
export function documentsIn(bytes: Uint8Array, format: PlainFormat, name: string, fields: Fields): Iterable<Found> {
  if (format !== 'jsonl') return [wholeDocument(bytes, format, name)]
  const lines = new TextDecoder().decode(bytes).split('\n')
  return lines.flatMap((line, index) => (line.trim() === '' ? [] : [jsonDocument(line, index + 1, fields)]))
}
