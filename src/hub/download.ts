/** The content of one file, from the hub to wherever it is kept: resumed and verified. */
import { PocketPhiError } from '../base/errors.ts'
import type { RemoteFile } from './listing.ts'
import { request, type Answer, type Connection, type HubAdvice } from './request.ts'
import { PassingError, withRetries, type RetryOptions } from '../base/retry.ts'

/** A file that is being downloaded: its beginning is kept, and its checksum is computed as it grows. */
export interface PartialContent {
  /** How many bytes of the file are here. */
  readonly size: number
  /** @throws PocketPhiError `out-of-memory` when there is no room */
  append(bytes: Uint8Array): Promise<void>
  /** Throws away what is there. */
  restart(): Promise<void>
  /** The checksum of what is here, of the kind that the hub gave. */
  digest(): string
}

export interface DownloadOptions {
  readonly connection: Connection
  readonly retry: RetryOptions
  /** Where the content is. */
  readonly address: string
  /** Hears how many bytes of the file are here. It may be fewer than before. */
  readonly onBytes: (bytes: number) => void
}

/**
 * The first may be wrong because it was put together from parts of two versions, or on the way here; of the second the
 * server is to blame.
 */
const wholeDownloads = 2

/**
 * Downloads what is missing of a file and verifies the whole. What has come is kept when the download ends early, for whatever
 * reason, and the next one goes on from there.
 *
 * @param partial what is here of the file; nobody else may write it meanwhile
 * @returns how many bytes came over the network
 * @throws PocketPhiError `network`, `no-access`, `not-found`, `invalid-file` for content that is not what the listing promised,
 * `out-of-memory` when there is no room, `aborted`
 */
export async function completeFile(
  file: RemoteFile,
  partial: PartialContent,
  options: DownloadOptions,
): Promise<number> {
  const transfer = new Transfer(file, partial, options)
  for (let wholes = 1; ; wholes++) {
    await transfer.complete()
    const found = partial.digest()
    if (found === file.checksum.hex) return transfer.received
    await transfer.startOver()
    if (wholes >= wholeDownloads) throw wrongContent(file, found, options.connection.advice)
  }
}

function wrongContent({ name, checksum }: RemoteFile, found: string, advice: HubAdvice): PocketPhiError {
  return new PocketPhiError('invalid-file', `What the server sends for "${name}" is not the file that the hub lists.`, {
    expected: `${checksum.kind} ${checksum.hex}`,
    found,
    remedy: `Try again later; if it stays so: ${advice.endpoint}`,
  })
}

class Transfer {
  /** Bytes that came over the network and were kept, for a while at least. */
  received = 0
  readonly #file: RemoteFile
  readonly #partial: PartialContent
  readonly #options: DownloadOptions
  /** The version that the server of the bytes gave last, for If-Range. */
  #version: string | undefined
  /** The most that was ever here: only what goes beyond it is progress, or a server that starts over each time never ends. */
  #furthest: number

  constructor(file: RemoteFile, partial: PartialContent, options: DownloadOptions) {
    this.#file = file
    this.#partial = partial
    this.#options = options
    this.#furthest = partial.size
  }

  /** Asks until the whole length is here. */
  async complete(): Promise<void> {
    const advanced = (): boolean => {
      const further = this.#partial.size > this.#furthest
      this.#furthest = Math.max(this.#furthest, this.#partial.size)
      return further
    }
    await withRetries({ ...this.#options.retry, advanced }, async () => {
      if (this.#partial.size < this.#file.size) await this.#attempt()
    })
  }

  async startOver(): Promise<void> {
    await this.#partial.restart()
    this.#furthest = 0
  }

  async #attempt(): Promise<void> {
    const { connection, address } = this.#options
    const from = this.#partial.size
    const answer = await request(connection, address, {
      what: `"${this.#file.name}"`,
      headers: from === 0 ? {} : { range: `bytes=${from}-`, ...this.#condition() },
    })
    try {
      await this.#accept(answer, from)
    } catch (error) {
      await answer.cancel()
      throw error
    }
    await this.#receive(answer)
  }

  /** The server begins anew where it has another version by now. In a page the header would need a permission that servers lack. */
  #condition(): Readonly<Record<string, string>> {
    const { follow = false } = this.#options.connection
    return this.#version === undefined || follow ? {} : { 'if-range': this.#version }
  }

  /** Refuses an answer that is not the rest of the file, before any of it is kept. */
  async #accept(answer: Answer, from: number): Promise<void> {
    const { size } = this.#file
    checkVersion(this.#file, answer)
    const version = answer.headers.get('etag')
    this.#version = version === null || version.startsWith('W/') ? undefined : version
    if (answer.status === 416) {
      // The server has less than is here already, so that one of the two is of another version.
      await this.#partial.restart()
      throw this.#lie(`less than ${from} bytes`)
    }
    if (answer.status === 200) {
      // The server knows no ranges, or the file is not the one of which the beginning is here.
      if (from > 0) await this.#partial.restart()
      const length = answer.headers.get('content-length')
      const encoded = answer.headers.has('content-encoding')
      if (length !== null && !encoded && Number(length) !== size) throw this.#lie(`${length} bytes`)
      return
    }
    const range = answer.headers.get('content-range') ?? 'no range'
    const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(range)
    if (match === null || Number(match[1]) !== from || (match[3] !== '*' && Number(match[3]) !== size)) {
      throw this.#lie(`a part that is said to be ${JSON.stringify(range)}`, `bytes ${from}-${size - 1}/${size}`)
    }
  }

  async #receive(answer: Answer): Promise<void> {
    const { size, name } = this.#file
    for await (const bytes of answer.body()) {
      if (this.#partial.size + bytes.length > size) {
        await this.#partial.restart()
        throw this.#lie(`more than ${size} bytes`)
      }
      await this.#partial.append(bytes)
      this.received += bytes.length
      this.#options.onBytes(this.#partial.size)
    }
    if (this.#partial.size < size) {
      throw new PassingError(
        new PocketPhiError('network', `The server ended the download of "${name}" too early.`, {
          expected: `${size} bytes`,
          found: `${this.#partial.size}`,
          remedy: 'Try again: it goes on where it stopped.',
        }),
      )
    }
  }

  #lie(found: string, expected?: string): PassingError {
    return wrongAnswer(this.#file, this.#options.connection.advice, found, expected)
  }
}

/** Refuses an answer about another version of a file than was listed. @throws PocketPhiError `invalid-file` */
export function checkVersion({ name, checksum }: RemoteFile, { file: { etag } }: Answer): void {
  if (etag === undefined || !/^[0-9a-f]+$/.test(etag) || etag.length !== checksum.hex.length) return
  if (etag === checksum.hex) return
  throw new PocketPhiError('invalid-file', `"${name}" has changed on the server since it was listed.`, {
    expected: `the version ${checksum.hex}`,
    found: etag,
    remedy: 'Try again.',
  })
}

/** The error of an answer with other bytes than were asked for. It is tried once more, because the page of a proxy may have come in place of the file. */
export function wrongAnswer(
  { name, size }: RemoteFile,
  advice: HubAdvice,
  found: string,
  expected = `${size} bytes, as the hub lists it`,
): PassingError {
  const problem = new PocketPhiError('invalid-file', `The server sends something else for "${name}".`, {
    expected,
    found,
    remedy: `Try again later; if it stays so: ${advice.endpoint}`,
  })
  return new PassingError(problem, { failures: 2 })
}
