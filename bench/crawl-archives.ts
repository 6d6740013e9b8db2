/** Writes a synthetic crawl as WARC files, damaged where the plan says so. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { joined, warcRecord } from '../src/data/pipeline/sources/archive-harness.ts'
import type { CrawlPage, CrawlPages } from './crawl-pages.ts'

/** What was written. */
export interface Crawl {
  readonly seed: number
  readonly pages: number
  /** Of response bodies, as they were before any compression. */
  readonly bodyBytes: number
  readonly fileBytes: number
  readonly files: number
  /** The last pages of files that end within their record. */
  readonly cut: readonly number[]
}

const bodyBytesOfFile = 16e6
/** Every so many files one is not compressed, and one ends early. */
const [plainEvery, cutEvery] = [4, 8]

function record({ class: own, url, html }: CrawlPage): Uint8Array {
  switch (own) {
    case 'not found':
      return warcRecord({ url, html, status: 404 })
    case 'not a page':
      return warcRecord({ url, html, mediaType: 'image/png' })
    case 'too short':
      return warcRecord({ url, html }, 2 * html.length)
    case 'too long':
      return warcRecord({ url, html }, html.length >> 1)
    case 'no response': {
      const head = `WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: ${url}\r\nContent-Type: application/http\r\n`
      return joined(`${head}Content-Length: 12\r\n\r\n`, '<html>torn</', '\r\n\r\n')
    }
    default:
      return warcRecord({ url, html })
  }
}

/** A record of its own member where the file is compressed. */
function member(page: CrawlPage, isPlain: boolean): Uint8Array {
  const bytes = record(page)
  const written = isPlain ? bytes : new Uint8Array(gzipSync(bytes))
  if (page.class !== 'torn') return written
  // Where nothing is compressed no checksum would notice another byte of the page, so that it is the first of its head.
  const at = isPlain ? 0 : written.length >> 1
  written[at] = (written[at] ?? 0) ^ 0x55
  return written
}

/**
 * Writes pages until their bodies have so many bytes.
 *
 * @param folder that gets the files
 */
export async function writeCrawl(folder: string, pages: CrawlPages, seed: number, bytes: number): Promise<Crawl> {
  await mkdir(folder, { recursive: true })
  const cut: number[] = []
  let [index, bodyBytes, fileBytes, files] = [0, 0, 0, 0]
  while (bodyBytes < bytes) {
    const isPlain = files % plainEvery === plainEvery - 1
    const members: Uint8Array[] = []
    const end = Math.min(bytes, bodyBytes + bodyBytesOfFile)
    while (bodyBytes < end) {
      const page = pages.page(index++)
      members.push(member(page, isPlain))
      bodyBytes += Buffer.byteLength(page.html)
    }
    const isCut = files % cutEvery === cutEvery - 1
    const last = members.at(-1)
    if (isCut && last !== undefined) {
      members.splice(-1, 1, last.subarray(0, last.length >> 1))
      cut.push(index - 1)
    }
    const whole = joined(...members)
    await writeFile(join(folder, `${String(files++).padStart(5, '0')}.warc${isPlain ? '' : '.gz'}`), whole)
    fileBytes += whole.length
  }
  return { seed, pages: index, bodyBytes, fileBytes, files, cut }
}
