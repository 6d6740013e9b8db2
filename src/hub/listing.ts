/** What a repository of the hub holds at a revision: names, sizes and checksums. */
import { PocketPhiError } from '../base/errors.ts'
import { isJsonObject, decodeText, parseJson, type JsonObject } from '../formats/json.ts'
import { isCommit } from './names.ts'
import { request, type Connection } from './request.ts'
import { withRetries, type RetryOptions } from '../base/retry.ts'

/** A checksum as the hub gives it: SHA-256 of large files, the git object id (SHA-1 of header and content) of small ones. */
export interface Checksum {
  readonly kind: 'sha256' | 'git-sha1'
  readonly hex: string
}

/** A file of a repository, as the hub lists it. */
export interface ListedFile {
  /** Parts separated by `/`. Comes from the server as it is; checked before it becomes a path. */
  readonly name: string
  /** Undefined where the listing lacks it, as that of a mirror may. */
  readonly size: number | undefined
  readonly checksum: Checksum | undefined
}

/** A file of which all is known that a download has to check. */
export interface RemoteFile extends ListedFile {
  readonly size: number
  readonly checksum: Checksum
}

/** What a repository holds at one commit. */
export interface Listing {
  readonly commit: string
  readonly files: readonly ListedFile[]
}

const largestListing = 64 * 2 ** 20

/** What a repository holds. */
export type RepositoryKind = 'models' | 'datasets'

/**
 * Asks the hub what a repository holds.
 * @throws PocketPhiError `not-found`, `no-access`, `network`, `invalid-file` for an answer that is no listing, `aborted`
 */
export async function listRepository(
  connection: Connection,
  retry: RetryOptions,
  repository: string,
  revision: string,
  kind: RepositoryKind = 'models',
): Promise<Listing> {
  const what = revision === 'main' ? repository : `${repository} at revision ${revision}`
  const address = `${connection.endpoint}/api/${kind}/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`
  return await withRetries(retry, async () => {
    const answer = await request(connection, address, { what, headers: { accept: 'application/json' } })
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of answer.body()) {
      length += chunk.length
      if (length > largestListing) throw noListing(connection, what, `more than ${largestListing} bytes`)
      chunks.push(chunk)
    }
    const bytes = new Uint8Array(length)
    let at = 0
    for (const chunk of chunks) {
      bytes.set(chunk, at)
      at += chunk.length
    }
    return readListing(connection, parseJson(decodeText(bytes, `listing of ${what}`), `listing of ${what}`), what)
  })
}

function noListing(connection: Pick<Connection, 'advice'>, what: string, found: string): PocketPhiError {
  return new PocketPhiError('invalid-file', `The server's answer about ${what} is no listing of the hub.`, {
    found,
    remedy: connection.advice.endpoint,
  })
}

function readListing(connection: Connection, value: unknown, what: string): Listing {
  if (!isJsonObject(value)) throw noListing(connection, what, 'no object')
  const { sha, siblings } = value
  if (typeof sha !== 'string' || !isCommit(sha)) throw noListing(connection, what, 'no commit in "sha"')
  if (!Array.isArray(siblings)) throw noListing(connection, what, 'no files in "siblings"')
  const files = siblings.map((entry: unknown) => {
    if (!isJsonObject(entry) || typeof entry['rfilename'] !== 'string')
      throw noListing(connection, what, 'a file without a name')
    return listedFile(entry, entry['rfilename'])
  })
  if (new Set(files.map(({ name }) => name)).size < files.length)
    throw noListing(connection, what, 'a file that is named twice')
  return { commit: sha, files }
}

function listedFile(entry: JsonObject, name: string): ListedFile {
  const lfs = isJsonObject(entry['lfs']) ? entry['lfs'] : undefined
  const size = lfs?.['size'] ?? entry['size']
  return {
    name,
    size: isSize(size) ? size : undefined,
    checksum: checksumOf(lfs === undefined ? entry['blobId'] : (lfs['sha256'] ?? lfs['oid'])),
  }
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** The two kinds differ in length. */
function checksumOf(hex: unknown): Checksum | undefined {
  if (typeof hex !== 'string' || !/^[0-9a-f]+$/.test(hex)) return undefined
  if (hex.length === 64) return { kind: 'sha256', hex }
  return hex.length === 40 ? { kind: 'git-sha1', hex } : undefined
}

/** Where the content of a file is; the name of a repository of a data set begins with `datasets/` here. */
export function fileAddress(endpoint: string, repository: string, commit: string, name: string): string {
  return `${endpoint}/${repository}/resolve/${commit}/${name.split('/').map(encodeURIComponent).join('/')}`
}

/**
 * Fills in what the listing lacks with what the hub says of the file itself.
 * @throws PocketPhiError `invalid-file` when it says nothing to check the content by; as `listRepository`
 */
export async function describeFile(
  connection: Connection,
  retry: RetryOptions,
  address: string,
  file: ListedFile,
): Promise<RemoteFile> {
  const { name, size, checksum } = file
  if (size !== undefined && checksum !== undefined) return { name, size, checksum }
  const what = `"${name}"`
  const { file: said } = await withRetries(retry, async () => {
    const answer = await request(connection, address, { what, method: 'HEAD', stay: true })
    await answer.cancel()
    return answer
  })
  const known = { name, size: size ?? said.size, checksum: checksum ?? checksumOf(said.etag) }
  if (known.size === undefined || known.checksum === undefined) {
    throw new PocketPhiError('invalid-file', `The server does not say by what to check ${what}.`, {
      expected: 'its size and a SHA-256 or git object id as ETag',
      remedy: 'Use the hub itself, or a mirror that passes on its headers.',
    })
  }
  return { name, size: known.size, checksum: known.checksum }
}
