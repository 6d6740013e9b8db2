/** One file of a source as documents, whatever its format. */
import { PocketPhiError } from '../../../base/errors.ts'
import { httpSource } from '../../../formats/http.ts'
import { fileSource, type ByteSource } from '../../../formats/source.ts'
import { decodePage } from '../../documents/charset.ts'
import { isSkipped, type Found, type RawDocument } from '../../documents/found.ts'
import {
  jsonDocument,
  largestDocument,
  plainFormats,
  rowDocument,
  wholeDocument,
  type Fields,
} from '../../documents/read.ts'
import { ByteReader } from './byte-reader.ts'
import { openStream, type Damage } from './byte-stream.ts'
import { parseResponse } from './http-response.ts'
import { readArchive, type ArchiveRecord } from './warc.ts'

type Format = 'jsonl' | 'text' | 'html' | 'archive' | 'parquet'

const formats: readonly (readonly [RegExp, Format])[] = [
  ...plainFormats,
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
      return yield* textDocument(reader, format, source.name)
  }
}

const damaged = ({ offset, message }: Damage): Found => ({
  reason: 'damaged',
  detail: offset > 0 ? `${message}, from byte ${offset}` : message,
})

async function* textDocument(reader: ByteReader, format: 'text' | 'html', name: string): AsyncGenerator<Found, void> {
  const bytes = await reader.take(largestDocument + 1)
  const damage = reader.takeDamage()
  yield damage === undefined ? wholeDocument(bytes, format, name) : damaged(damage)
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
