/** One file of a source as documents, whatever its format. */
import { PocketPhiError } from '../../../base/errors.ts'
import { describe } from '../../../base/describe.ts'
import { httpSource } from '../../../formats/http.ts'
import { isJsonObject } from '../../../formats/json.ts'
import { fileSource, type ByteSource } from '../../../formats/source.ts'
import { isSkipped, type Found, type RawDocument } from '../document.ts'
import { ByteReader } from './byte-reader.ts'
import { openStream, type Damage } from './byte-stream.ts'
import { decodePage } from './charset.ts'
import { parseResponse } from './http-response.ts'
import { readArchive, type ArchiveRecord } from './warc.ts'

/** Where JSON Lines and Parquet have what is wanted. */
export interface Fields {
  /** Plain text. Left out where there are pages. */
  readonly text?: string | undefined
  /** Pages as they were served. */
  readonly html?: string | undefined
  readonly title?: string | undefined
  readonly url?: string | undefined
}

type Format = 'jsonl' | 'text' | 'html' | 'archive' | 'parquet'

const formats: readonly (readonly [RegExp, Format])[] = [
  [/\.(?:jsonl|ndjson)$/, 'jsonl'],
  [/\.(?:txt|text|md)$/, 'text'],
  [/\.(?:html?|xhtml)$/, 'html'],
  [/\.(?:warc|wet|arc)$/, 'archive'],
  [/\.parquet$/, 'parquet'],
]

/** The format that a file's name promises, compressed or not; undefined for those that are not read. */
export function formatOf(name: string): Format | undefined {
  // Archives that are known to be damaged are kept under such names.
  const plain = name
    .toLowerCase()
    .replace(/\.bad$/, '')
    .replace(/\.(?:gz|zst)$/, '')
  return formats.find(([pattern]) => pattern.test(plain))?.[1]
}

/** A longer line, text or page is not a document. */
const largestDocument = 1 << 26

/**
 * The documents of a file and what in it is none, in the order of the file. Nothing that is wrong inside of a file is thrown.
 *
 * @param path of a local file, or the URL of one on a server that serves ranges
 * @throws PocketPhiError `not-found`, `not-supported` for a name that promises no known format, and what reading throws
 */
export async function* readFileDocuments(path: string, fields: Fields): AsyncGenerator<Found, void> {
  const format = formatOf(path)
  if (format === undefined) {
    throw new PocketPhiError('not-supported', `"${path}" is of no format that is read.`, {
      expected: 'JSON Lines, text, HTML, WARC, ARC or Parquet, also with .gz or .zst',
    })
  }
  const source = await (/^https?:/.test(path) ? httpSource(path) : fileSource(path))
  try {
    for await (const found of contentOf(source, format, fields)) {
      yield !isSkipped(found) && found.text.trim() === '' ? { reason: 'no text', detail: found.url ?? '' } : found
    }
  } finally {
    await source.close()
  }
}

async function* contentOf(source: ByteSource, format: Format, fields: Fields): AsyncGenerator<Found, void> {
  if (format === 'parquet') return yield* parquetDocuments(source, fields)
  const reader = new ByteReader(openStream(source))
  switch (format) {
    case 'jsonl':
      return yield* jsonDocuments(reader, fields)
    case 'archive':
      return yield* archiveDocuments(reader)
    case 'text':
    case 'html':
      return yield* wholeDocument(reader, format, source.name)
  }
}

const damaged = ({ offset, message }: Damage): Found => ({
  reason: 'damaged',
  detail: offset > 0 ? `${message}, from byte ${offset}` : message,
})

async function* wholeDocument(reader: ByteReader, format: 'text' | 'html', name: string): AsyncGenerator<Found, void> {
  const bytes = await reader.take(largestDocument + 1)
  const damage = reader.takeDamage()
  if (damage !== undefined) yield damaged(damage)
  else if (bytes.length > largestDocument) yield { reason: 'too large', detail: name }
  else {
    const text = decodePage(bytes)
    // What has a name of a text may hold anything.
    if (isBinary(text)) yield { reason: 'not text', detail: name }
    else yield { format, text, ...(format === 'text' && { title: name }) }
  }
}

/** Whether bytes that were read as text are none: texts have no zero characters, and few that cannot be read. */
function isBinary(text: string): boolean {
  const unreadable = text.match(/\uFFFD/g)?.length ?? 0
  return text.includes('\0') || unreadable > text.length / 10
}

async function* jsonDocuments(reader: ByteReader, fields: Fields): AsyncGenerator<Found, void> {
  const decoder = new TextDecoder()
  for (let number = 1; ; number++) {
    const line = await reader.line(largestDocument)
    const damage = line === undefined ? reader.takeDamage() : undefined
    if (line !== undefined && line.length > 0) yield jsonDocument(decoder.decode(line), number, fields)
    else if (damage !== undefined) yield damaged(damage)
    else if (line === undefined) return
  }
}

function jsonDocument(line: string, number: number, fields: Fields): Found {
  let row: unknown
  try {
    row = JSON.parse(line)
  } catch (error) {
    return { reason: 'damaged', detail: `line ${number}: ${String(error)}` }
  }
  if (isJsonObject(row)) return rowDocument(row, `line ${number}`, fields)
  return { reason: 'damaged', detail: `line ${number}: ${describe(row)} is no object` }
}

function rowDocument(row: Readonly<Record<string, unknown>>, place: string, fields: Fields): Found {
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

async function* parquetDocuments(source: ByteSource, fields: Fields): AsyncGenerator<Found, void> {
  const { readParquet } = await import('./parquet.ts')
  const columns = Object.values(fields).filter((name) => typeof name === 'string')
  let number = 0
  try {
    for await (const row of readParquet(source, columns)) {
      number++
      yield 'values' in row ? rowDocument(row.values, `row ${number}`, fields) : row
    }
  } catch (error) {
    if (!(error instanceof PocketPhiError) || error.code !== 'invalid-file') throw error
    yield { reason: 'damaged', detail: error.message }
  }
}

async function* archiveDocuments(reader: ByteReader): AsyncGenerator<Found, void> {
  for await (const record of readArchive(reader)) {
    if ('message' in record) yield damaged(record)
    else {
      const found = recordDocument(record)
      if (found !== undefined) yield found
    }
  }
}

const isPage = (mediaType: string): boolean => /^\s*(?:text\/html|application\/xhtml\+xml)/i.test(mediaType)
const isPlain = (mediaType: string): boolean => /^\s*text\/plain/i.test(mediaType)

/** What a record holds for a reader: undefined for those about the crawl. */
function recordDocument({ type, url, mediaType, block }: ArchiveRecord): Found | undefined {
  if (type === 'response') return responseDocument(url, mediaType, block)
  // Wget keeps its log in resources.
  if ((type !== 'resource' && type !== 'conversion') || url.startsWith('metadata:')) return undefined
  return mediaDocument(url, mediaType, block)
}

function responseDocument(url: string, mediaType: string, block: Uint8Array): Found | undefined {
  // ARC files also hold what gopher and FTP gave, without a head.
  if (!/^(?:https?:|<?$)/i.test(url) && !/^application\/http/i.test(mediaType))
    return mediaDocument(url, mediaType, block)
  const response = parseResponse(block)
  if (response === undefined) return { reason: 'damaged', detail: `${url}: no HTTP response` }
  const { status, fields, body } = response
  if (status !== 200) return { reason: 'not status 200', detail: `${url}: ${status}` }
  return mediaDocument(url, fields.get('content-type') ?? '', body)
}

function mediaDocument(url: string, mediaType: string, body: Uint8Array): RawDocument | Found {
  if (isPage(mediaType)) return { format: 'html', text: decodePage(body, mediaType), url }
  if (isPlain(mediaType)) return { format: 'text', text: decodePage(body, mediaType), url }
  return { reason: 'not a page', detail: `${url}: ${mediaType}` }
}
