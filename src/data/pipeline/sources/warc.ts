/**
 * Web archives: WARC 1.0 and 1.1 (ISO 28500), and its predecessor ARC. Record by record: one that is damaged is reported, and reading goes on
 * with the next line that a record could begin with.
 */
import type { ByteReader } from './byte-reader.ts'
import type { Damage } from './byte-stream.ts'

/** One record. */
export interface ArchiveRecord {
  /** `response`, `resource`, `conversion`, `request` …; records of ARC files are responses. */
  readonly type: string
  readonly url: string
  /** The media type of the block. */
  readonly mediaType: string
  readonly block: Uint8Array
}

const longestLine = 1 << 16
/** What is looked at to judge whether a record begins. */
const lookAhead = 1024
/** Larger records are no pages. */
const largestRecord = 1 << 26

const latin1 = new TextDecoder('latin1')
const text = (bytes: Uint8Array): string => latin1.decode(bytes).replace(/\r$/, '')

/** What a record says of itself before its block. */
interface RecordHead {
  readonly type: string
  readonly url: string
  readonly mediaType: string
  readonly length: number
}

/** The records of an archive and its damaged places, in their order. */
export async function* readArchive(reader: ByteReader): AsyncGenerator<ArchiveRecord | Damage, void> {
  let number = 0
  const damaged = (message: string): Damage => ({ offset: 0, message: `record ${number}: ${message}` })
  for (;;) {
    const first = await firstLine(reader)
    if (first === undefined) {
      const damage = reader.takeDamage()
      if (damage === undefined) return
      yield damage
      continue
    }
    number++
    const head = await readHead(reader, first)
    if (typeof head !== 'string' && head.length > largestRecord) {
      await reader.skip(head.length)
      yield damaged(`${head.length} bytes are more than a page has`)
      continue
    }
    const record = typeof head === 'string' ? head : await readRecord(reader, head)
    if (typeof record !== 'string') {
      yield record
      continue
    }
    // Where the stream itself is damaged, that is the reason, and the next record is behind it.
    const damage = reader.takeDamage()
    yield damaged(damage?.message ?? record)
    if (damage === undefined) await seekRecord(reader)
  }
}

/** A record after its head, or what is wrong with it. */
async function readRecord(reader: ByteReader, head: RecordHead): Promise<ArchiveRecord | string> {
  const { type, url, mediaType, length } = head
  const block = await reader.take(length)
  const fault = await faultOf(reader, length, block)
  if (fault === undefined) return { type, url, mediaType, block }
  // A wrong length may have swallowed records.
  reader.putBack(block)
  return fault
}

/** The first line that is not empty. */
async function firstLine(reader: ByteReader): Promise<string | undefined> {
  for (;;) {
    const line = await reader.line(longestLine)
    if (line === undefined) return undefined
    const found = text(line)
    if (found !== '') return found
  }
}

const warcLine = /^WARC\/[01]\.\d/
/** URL, address, date, media type, length; URLs with spaces occur. */
const arcLine = /^(\S.*) (\S+) (\d{8,14}) (\S+) (-?\S+)$/

/** The head of the record whose first line was read, or what is wrong with it. */
async function readHead(reader: ByteReader, first: string): Promise<RecordHead | string> {
  if (warcLine.test(first)) return warcHead(await readFields(reader))
  const [, url, , , mediaType = '', length = ''] = arcLine.exec(first) ?? []
  if (url === undefined) return `"${first.slice(0, 60)}" begins no record`
  if (!/^\d+$/.test(length)) return `its length is "${length.slice(0, 20)}"`
  return { type: url.startsWith('filedesc:') ? 'warcinfo' : 'response', url, mediaType, length: Number(length) }
}

function warcHead(fields: ReadonlyMap<string, string>): RecordHead | string {
  const length = fields.get('content-length') ?? ''
  if (!/^\d+$/.test(length)) return `its length is "${length.slice(0, 20)}"`
  return {
    type: (fields.get('warc-type') ?? '').toLowerCase(),
    // Wget wrote the URI between angle brackets.
    url: (fields.get('warc-target-uri') ?? '').replace(/^<(.*)>$/, '$1'),
    mediaType: fields.get('content-type') ?? '',
    length: Number(length),
  }
}

/** Named fields up to an empty line, as in HTTP. */
async function readFields(reader: ByteReader): Promise<Map<string, string>> {
  const lines: string[] = []
  for (;;) {
    const line = await reader.line(longestLine)
    if (line === undefined) break
    const field = text(line)
    if (field === '') break
    lines.push(field)
  }
  return parseFields(lines)
}

/** Names in lower case; a line that begins with white space goes on with the one before it. The first of several fields counts. */
export function parseFields(lines: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>()
  let last: string | undefined
  for (const line of lines) {
    if (/^[ \t]/.test(line) && last !== undefined) {
      fields.set(last, `${fields.get(last) ?? ''} ${line.trim()}`)
      continue
    }
    const colon = line.indexOf(':')
    if (colon <= 0) continue
    last = line.slice(0, colon).trim().toLowerCase()
    if (!fields.has(last)) fields.set(last, line.slice(colon + 1).trim())
  }
  return fields
}

/** A line that may be the head of an ARC record, too long to be seen whole. */
const beginsWithUrl = /^[a-z][a-z\d+.-]*:\/\/\S/i

/** What is wrong with a record's block, seen from what follows it. */
async function faultOf(reader: ByteReader, length: number, block: Uint8Array): Promise<string | undefined> {
  if (block.length < length) return `${length} bytes were announced, ${block.length} are there`
  const ahead = latin1.decode(await reader.peek(lookAhead))
  const next = ahead.replace(/^[\r\n]*/, '')
  const line = next.slice(0, next.search(/[\r\n]|$/))
  const isCut = reader.damage !== undefined && line.length === next.length
  if (isCut && reader.damage.taints === true) return reader.damage.message
  // The end of a record, as the standard has it: whatever follows, the length was right.
  if (next === '' || ahead.startsWith('\r\n\r\n')) return undefined
  const mayBeLongHead = line.length > lookAhead - 100 && beginsWithUrl.test(line)
  if (isCut || warcLine.test(next) || arcLine.test(line) || mayBeLongHead) return undefined
  return `what follows its ${length} bytes is no record`
}

/** Passes over everything up to a line that a record begins with. */
async function seekRecord(reader: ByteReader): Promise<void> {
  for (;;) {
    const head = latin1.decode(await reader.peek(lookAhead))
    const line = head.slice(0, head.search(/[\r\n]|$/))
    if (warcLine.test(line) || arcLine.test(line)) return
    if ((await reader.line(longestLine)) === undefined) return
  }
}
