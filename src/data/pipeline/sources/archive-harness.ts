/** Archives for tests, made record by record. */
import { gzipSync } from 'node:zlib'

export interface ArchivedPage {
  readonly url: string
  readonly html: string
  readonly status?: number
  readonly mediaType?: string
}

const encoder = new TextEncoder()

export function joined(...parts: readonly (Uint8Array | string)[]): Uint8Array {
  const bytes = parts.map((part) => (typeof part === 'string' ? encoder.encode(part) : part))
  const whole = new Uint8Array(bytes.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of bytes) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** A record of type `response`. @param announced its Content-Length, if that is to be wrong */
export function warcRecord(page: ArchivedPage, announced?: number): Uint8Array {
  const { url, html, status = 200, mediaType = 'text/html; charset=utf-8' } = page
  const block = joined(`HTTP/1.1 ${status} OK\r\nContent-Type: ${mediaType}\r\n\r\n`, html)
  const length = announced ?? block.length
  return joined(
    `WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: ${url}\r\n`,
    `Content-Type: application/http; msgtype=response\r\nContent-Length: ${length}\r\n\r\n`,
    block,
    '\r\n\r\n',
  )
}

export function warcOf(pages: readonly ArchivedPage[]): Uint8Array {
  return joined(...pages.map((page) => warcRecord(page)))
}

/** Each record a member of its own, as archives should be. */
export function gzippedWarcOf(pages: readonly ArchivedPage[]): { bytes: Uint8Array; starts: number[] } {
  const members = pages.map((page) => new Uint8Array(gzipSync(warcRecord(page))))
  let at = 0
  const starts = members.map(({ length }) => (at += length) - length)
  return { bytes: joined(...members), starts }
}

/** Pages that differ, of a few hundred bytes that do not compress to nothing. */
export function somePages(count: number): ArchivedPage[] {
  return Array.from({ length: count }, (_, index) => {
    const words = Array.from({ length: 60 }, (_unused, word) => ((index + 1) * 7919 * (word + 3)).toString(36))
    return {
      url: `http://example.org/${index}`,
      html: `<html><body><p>Page ${index}: ${words.join(' ')}</p></body></html>`,
    }
  })
}
