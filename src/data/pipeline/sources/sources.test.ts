import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { httpSource, type Fetch } from '../../../formats/http.ts'
import { bytesSource, type ByteSource } from '../../../formats/source.ts'
import { rangeServer } from '../../../formats/testing.ts'
import { isSkipped, type Found, type RawDocument } from '../../documents/found.ts'
import { gzippedWarcOf, joined, somePages, warcOf, warcRecord } from './archive-harness.ts'
import { ByteReader } from './byte-reader.ts'
import { openStream } from './byte-stream.ts'
import { decodePage } from '../../documents/charset.ts'
import { parseResponse } from './http-response.ts'
import { openParquetColumn, readParquet } from './parquet.ts'
import { formatOf, readFileDocuments } from './read-file.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-sources-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function found(
  name: string,
  bytes: Uint8Array | string,
): Promise<{ documents: RawDocument[]; skipped: string[] }> {
  const path = join(folder, name)
  await writeFile(path, bytes)
  const all: Found[] = []
  for await (const one of readFileDocuments(path, { text: 'text', title: 'title' })) all.push(one)
  return {
    documents: all.flatMap((one) => (isSkipped(one) ? [] : [one])),
    skipped: all.flatMap((one) => (isSkipped(one) ? [`${one.reason}: ${one.detail}`] : [])),
  }
}

const htmlOf = ({ documents }: { documents: RawDocument[] }): string[] => documents.map(({ text }) => text)

const pages = somePages(12)
const allHtml = pages.map(({ html }) => html)
/** Of one long line each, as pages are that were made smaller. */
const longPages = pages.map(({ url, html }) => ({ url, html: html.repeat(12) }))

describe('archives', () => {
  test.each([
    ['plain', 'a.warc', warcOf(pages)],
    ['one member a record', 'a.warc.gz', gzippedWarcOf(pages).bytes],
    ['one member in all', 'b.warc.gz', new Uint8Array(gzipSync(warcOf(pages)))],
    ['members and zeros at the end', 'c.warc.gz', joined(gzippedWarcOf(pages).bytes, new Uint8Array(100))],
    ['Zstandard', 'a.warc.zst', new Uint8Array(zstdCompressSync(warcOf(pages)))],
  ])('are read whole: %s', async (_, name, bytes) => {
    const result = await found(name, bytes)
    expect(htmlOf(result)).toEqual(allHtml)
    expect(result.documents.map(({ url }) => url)).toEqual(pages.map(({ url }) => url))
    expect(result.skipped).toEqual([])
  })

  test('with a member whose bytes changed lose that record alone', async () => {
    const { bytes, starts } = gzippedWarcOf(pages)
    for (let index = 0; index < pages.length; index++) {
      // In the header, in the compressed bytes and in the checksum.
      const end = starts[index + 1] ?? bytes.length
      for (const at of [starts[index] ?? 0, ((starts[index] ?? 0) + end) >> 1, end - 6]) {
        const torn = bytes.slice()
        torn[at] = (torn[at] ?? 0) ^ 0xff
        const result = await found('torn.warc.gz', torn)
        expect(htmlOf(result)).toEqual(allHtml.filter((_, other) => other !== index))
        expect(result.skipped).toEqual([expect.stringMatching(/^damaged: /)])
      }
    }
  })

  test('that end anywhere give the records before', async () => {
    const { bytes, starts } = gzippedWarcOf(pages)
    for (let end = 1; end < bytes.length; end += 97) {
      const whole = starts.filter((_, index) => (starts[index + 1] ?? bytes.length) <= end).length
      const result = await found('cut.warc.gz', bytes.slice(0, end))
      expect(htmlOf(result)).toEqual(allHtml.slice(0, whole))
      expect(result.skipped.length).toBe(starts.includes(end) ? 0 : 1)
    }
  })

  test.each([
    ['too short', 40, pages],
    ['too long', 1500, pages],
    ['beyond the end', 10_000_000, pages],
    // What follows is a long line, but the head of no record.
    ['too short, in a page of one line', 4000, longPages],
    ['too long, in a page of one line', 10_000, longPages],
  ])('with a length that is %s lose that record alone', async (_, length, written) => {
    const records = written.map((page, index) => warcRecord(page, index === 3 ? length : undefined))
    const result = await found('length.warc', joined(...records))
    expect(htmlOf(result)).toEqual(written.filter((_page, other) => other !== 3).map(({ html }) => html))
    expect(result.skipped).toEqual([expect.stringMatching(/^damaged: record 4: /)])
  })

  test('with a record whose first byte changed lose that record alone', async () => {
    const records = pages.map((page) => warcRecord(page))
    records[3]?.set([0x58])
    const result = await found('first.warc', joined(...records))
    expect(htmlOf(result)).toEqual(allHtml.filter((_, other) => other !== 3))
    expect(result.skipped).toEqual([expect.stringMatching(/^damaged: record 4: "XARC\/1.0" begins no record/)])
  })

  test('with rubbish between records', async () => {
    const records = pages.map((page, index) => joined(index % 4 === 2 ? 'rubbish\nand more\n' : '', warcRecord(page)))
    const result = await found('rubbish.warc', joined(...records))
    expect(htmlOf(result)).toEqual(allHtml)
    expect(result.skipped.length).toBe(3)
  })

  test('say what is no page', async () => {
    const odd = [
      { url: 'http://a/1', html: 'gone', status: 404 },
      { url: 'http://a/2', html: '{}', mediaType: 'application/json' },
      { url: 'http://a/3', html: ' \n ' },
      { url: 'http://a/4', html: 'plain', mediaType: 'text/plain' },
    ]
    const result = await found('odd.warc', warcOf(odd))
    expect(result.skipped).toEqual([
      'not status 200: http://a/1: 404',
      'not a page: http://a/2: application/json',
      'no text: http://a/3',
    ])
    expect(result.documents).toEqual([{ format: 'text', text: 'plain', url: 'http://a/4' }])
  })

  test('of the older form, with spaces in an address', async () => {
    const http = 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>old</p>'
    const arc = `filedesc://x.arc 0.0.0.0 20010101000000 text/plain 9\n1 0 Test\n\nhttp://a/b c 1.2.3.4 20010101000000 text/html ${http.length}\n${http}\n`
    expect((await found('old.arc', arc)).documents).toEqual([
      { format: 'html', text: '<p>old</p>', url: 'http://a/b c' },
    ])
  })
})

describe('a response', () => {
  const response = (fields: string, body: Uint8Array | string) =>
    parseResponse(joined(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n`, body))
  const bodyOf = (fields: string, body: Uint8Array | string): string =>
    new TextDecoder().decode(response(fields, body)?.body)

  test.each([
    ['gzip', gzipSync('the page')],
    ['deflate', deflateSync('the page')],
    ['deflate', deflateRawSync('the page')],
    ['br', brotliCompressSync('the page')],
    ['gzip', 'the page'],
  ])('with content in %s', (coding, body) => {
    expect(bodyOf(`Content-Encoding: ${coding}`, typeof body === 'string' ? body : new Uint8Array(body))).toBe(
      'the page',
    )
  })

  test.each([
    ['in chunks', '3\r\nthe\r\n5;x=1\r\n page\r\n0\r\n\r\n'],
    ['not in chunks', 'the page'],
    ['cut within a chunk', '3\r\nthe\r\n9\r\n page'],
  ])('that says it is in chunks and is %s', (_, body) => {
    expect(bodyOf('Transfer-Encoding: chunked', body)).toBe('the page')
  })

  test('is not anything', () => {
    expect(parseResponse(joined('GET / HTTP/1.1\r\n\r\n'))).toBe(undefined)
  })
})

test.each([
  ['the media type', 'text/html; charset=ISO-8859-2', [0xb1], 'ą'],
  [
    'the page itself',
    'text/html',
    [...joined('<meta charset="windows-1251">'), 0xe6],
    '<meta charset="windows-1251">ж',
  ],
  ['a mark', '', [0xef, 0xbb, 0xbf, 0xc3, 0xa9], 'é'],
  ['a mark of 16 bits', '', [0xff, 0xfe, 0xe9, 0x00], 'é'],
  ['valid UTF-8', '', [0xc3, 0xa9], 'é'],
  ['nothing', 'text/html; charset=none', [0xe9], 'é'],
])('the encoding of a page is known from %s', (_, mediaType, bytes, text) => {
  expect(decodePage(Uint8Array.from(bytes), mediaType)).toBe(text)
})

describe('JSON Lines', () => {
  const lines = Array.from({ length: 500 }, (_, index) =>
    JSON.stringify({ text: `text ${index} ${'x'.repeat(index)}`, title: `${index}` }),
  )

  test.each([
    ['plain', 'a.jsonl', joined(lines.join('\n'))],
    ['with gzip', 'a.jsonl.gz', new Uint8Array(gzipSync(lines.join('\n')))],
    ['with Zstandard', 'a.jsonl.zst', new Uint8Array(zstdCompressSync(lines.join('\n')))],
  ])('%s', async (_, name, bytes) => {
    const { documents, skipped } = await found(name, bytes)
    expect(documents.map((document) => JSON.stringify({ text: document.text, title: document.title }))).toEqual(lines)
    expect(skipped).toEqual([])
  })

  test('with lines that are none', async () => {
    const { documents, skipped } = await found('b.jsonl', '{"text":"a"}\n{"text":\n[1]\n\n{"title":"t"}\n{"text":"b"}')
    expect(documents.map(({ text }) => text)).toEqual(['a', 'b'])
    expect(skipped).toEqual([
      expect.stringMatching(/^damaged: line 2: SyntaxError/),
      'damaged: line 3: [1] is no object',
      'no text: line 5: no field text',
    ])
  })

  test('cut off, up to the last whole line', async () => {
    const whole = gzipSync(lines.join('\n'))
    const { documents, skipped } = await found('c.jsonl.gz', new Uint8Array(whole.subarray(0, whole.length >> 1)))
    expect(documents.length).toBeGreaterThan(20)
    expect(documents.map(({ text }) => text)).toEqual(
      lines.slice(0, documents.length).map((line) => (JSON.parse(line) as { text: string }).text),
    )
    expect(skipped).toEqual([expect.stringMatching(/^damaged: gzip: /)])
  })
})

describe('Parquet', () => {
  const texts = Array.from({ length: 10 }, (_, index) => `text ${index} `.repeat(20))
  const written = (codec: 'SNAPPY' | 'UNCOMPRESSED' = 'SNAPPY'): Uint8Array<ArrayBuffer> =>
    new Uint8Array(
      parquetWriteBuffer({
        columnData: [
          { name: 'text', data: texts, type: 'STRING' },
          { name: 'other', data: texts.map((_, index) => index), type: 'INT32' },
        ],
        rowGroupSize: 4,
        codec,
      }),
    )

  test('gives the wanted columns of every group', async () => {
    expect((await found('a.parquet', written())).documents).toEqual(texts.map((text) => ({ format: 'text', text })))
  })

  test('over HTTP reads the footer and the columns that are wanted', async () => {
    const bytes = written('UNCOMPRESSED')
    const asked: string[] = []
    const server = rangeServer(bytes)
    const fetch: Fetch = (url, init) => {
      asked.push(new Headers(init.headers).get('range') ?? '')
      return server(url, init)
    }
    const rows: unknown[] = []
    const source = await httpSource('http://example.org/a.parquet', { fetch })
    for await (const row of readParquet(source, ['other'])) rows.push('values' in row ? row.values['other'] : row)
    expect(rows).toEqual(texts.map((_, index) => index))
    const sizes = asked
      .map((range) => /bytes=(\d+)-(\d+)/.exec(range) ?? [])
      .map(([, from, to]) => Number(to) - Number(from) + 1)
    // The library reads the last 512 KiB for the footer; behind it no texts.
    expect(sizes.slice(2).reduce((sum, size) => sum + size, 0)).toBeLessThan(texts.join('').length / 4)
  })

  test('read value by value keeps the two groups that were asked for last, and none that could not be read', async () => {
    let opened = 0
    let isBroken = false
    const open = (): Promise<ByteSource> => {
      opened++
      return isBroken ? Promise.reject(new Error('broken')) : Promise.resolve(bytesSource(written()))
    }
    const value = await openParquetColumn(open, 'text')
    /** How often the file is opened for a row; groups begin with rows 0, 4 and 8. */
    const opensFor = async (row: number): Promise<number> => {
      const before = opened
      expect(Buffer.from((await value(row)) as Uint8Array).toString()).toBe(texts[row])
      return opened - before
    }
    expect(await Promise.all([0, 3, 2].map(value))).toHaveLength(3)
    expect(opened).toBe(2)
    expect([await opensFor(1), await opensFor(5), await opensFor(7), await opensFor(2)]).toEqual([0, 1, 0, 0])
    // The second group is the one that was not asked for longest.
    expect([await opensFor(9), await opensFor(3), await opensFor(4), await opensFor(8)]).toEqual([1, 0, 1, 1])
    isBroken = true
    await expect(value(0)).rejects.toThrow('broken')
    isBroken = false
    expect(await opensFor(0)).toBe(1)
  })

  test('with a damaged group loses that group alone', async () => {
    const bytes = written()
    // The second group begins after the first four texts.
    const at = new TextDecoder('latin1').decode(bytes).indexOf('text 4') - 12
    const result = await found(
      'b.parquet',
      bytes.map((byte, index) => (index >= at && index < at + 16 ? 0xff : byte)),
    )
    expect(result.documents.map(({ text }) => text)).toEqual([...texts.slice(0, 4), ...texts.slice(8)])
    expect(result.skipped).toEqual([expect.stringMatching(/^damaged: row group 2: /)])
  })

  test('without its end, or without such columns, is damaged', async () => {
    expect(await found('c.parquet', written().slice(0, -9))).toEqual({
      documents: [],
      skipped: [expect.stringMatching(/^damaged: "c\.parquet" is no whole Parquet file/)],
    })
    const columns = { columnData: [{ name: 'body', data: texts, type: 'STRING' as const }] }
    const other = await found('d.parquet', new Uint8Array(parquetWriteBuffer(columns)))
    expect(other.skipped).toEqual([expect.stringMatching(/none of the columns.*Found body/s)])
  })
})

test('single texts and pages are documents', async () => {
  expect((await found('a.txt', 'some text')).documents).toEqual([{ format: 'text', text: 'some text', title: 'a.txt' }])
  expect((await found('a.html', '<p>x')).documents).toEqual([{ format: 'html', text: '<p>x' }])
})

test('names promise formats', async () => {
  const names = ['x.jsonl.gz', 'X.WARC.GZ', 'x.wet', 'x.warc.gz.bad', 'x.md', 'x.htm', 'x.parquet', 'x.jpg']
  expect(names.map(formatOf)).toEqual(['jsonl', 'archive', 'archive', 'archive', 'text', 'html', 'parquet', undefined])
  await expect(found('x.jpg', 'x')).rejects.toThrow(/no format that is read/)
})

test('a reader gives back what was put back, across blocks', async () => {
  const bytes = Uint8Array.from({ length: 3_000_000 }, (_, index) => (index * 31) % 251)
  const reader = new ByteReader(openStream(bytesSource(bytes)))
  const first = await reader.take(2_500_000)
  reader.putBack(first.subarray(1_000_000))
  expect(await reader.skip(500_000)).toBe(500_000)
  expect(await reader.take(2_000_000)).toEqual(bytes.slice(1_500_000))
  expect(await reader.line(100)).toBe(undefined)
})
