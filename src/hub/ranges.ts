/** Files of the hub of which a part is enough: read by ranges, watched and tried again as downloads are. */
import { PocketPhiError } from '../base/errors.ts'
import { PassingError, withRetries, type RetryOptions } from '../base/retry.ts'
import { checkedSource, type ByteSource } from '../formats/source.ts'
import { checkVersion, wrongAnswer } from './download.ts'
import { describeFile, type ListedFile, type RemoteFile } from './listing.ts'
import { request, type Answer, type Connection } from './request.ts'

/**
 * Opens a file of a repository.
 *
 * @param address where its content is: `fileAddress`
 * @returns a source whose reads throw PocketPhiError `network` where the connection breaks too often or stands still, `no-access`, `not-found`,
 * `invalid-file` for answers that are not what was asked for, `aborted`
 * @throws PocketPhiError as `describeFile`
 */
export async function hubSource(
  connection: Connection,
  retry: RetryOptions,
  address: string,
  listed: ListedFile,
): Promise<ByteSource> {
  const file = await describeFile(connection, retry, address, listed)
  const name = file.name.slice(file.name.lastIndexOf('/') + 1)
  return checkedSource(name, file.size, async (offset, length, into = new Uint8Array(length)) => {
    await readRange({ connection, address, file }, retry, offset, into)
    return into
  })
}

interface Opened {
  readonly connection: Connection
  readonly address: string
  readonly file: RemoteFile
}

/** What has come of a range stays where an answer breaks off, and the rest is asked for. */
async function readRange(opened: Opened, retry: RetryOptions, offset: number, target: Uint8Array): Promise<void> {
  let done = 0
  let before = 0
  const advanced = (): boolean => {
    const further = done > before
    before = done
    return further
  }
  await withRetries({ ...retry, advanced }, async () => {
    if (done === target.length) return
    const answer = await askRange(opened, offset + done, offset + target.length - 1)
    for await (const bytes of answer.body()) {
      if (done + bytes.length > target.length) throw otherBytes(opened, 'more than that', `${target.length} bytes`)
      target.set(bytes, done)
      done += bytes.length
    }
    if (done < target.length) throw endedEarly(opened, target.length, done)
  })
}

async function askRange(opened: Opened, first: number, last: number): Promise<Answer> {
  const { connection, address, file } = opened
  const range = `bytes=${first}-${last}`
  const answer = await request(connection, address, { what: `"${file.name}"`, headers: { range } })
  try {
    checkVersion(file, answer)
    const given = answer.headers.get('content-range') ?? `no range, and status ${answer.status}`
    const expected = `bytes ${first}-${last}/`
    if (given !== `${expected}${file.size}` && given !== `${expected}*`) {
      throw otherBytes(opened, `a part that is said to be ${JSON.stringify(given)}`, `${expected}${file.size}`)
    }
    return answer
  } catch (error) {
    await answer.cancel()
    throw error
  }
}

function otherBytes({ file, connection }: Opened, found: string, expected?: string): PassingError {
  return wrongAnswer(file, connection.advice, found, expected)
}

function endedEarly({ file }: Opened, expected: number, found: number): PassingError {
  const parts = { expected: `${expected} bytes`, found: String(found), remedy: 'Try again.' }
  return new PassingError(new PocketPhiError('network', `The server ended a read of "${file.name}" too early.`, parts))
}
