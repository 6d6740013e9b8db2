/** Files to an index: what is new or has changed is read, what is gone is forgotten. */
import { existsSync } from 'node:fs'
import { glob, stat } from 'node:fs/promises'
import { resolve, sep } from 'node:path'
import { PocketPhiError, throwIfAborted } from '../../base/errors.ts'
import { identityOf, isUrl } from '../../data/pipeline/inputs.ts'
import type { Fields } from '../../data/documents/read.ts'
import { formatOf, readFileDocuments } from '../../data/pipeline/sources/read-file.ts'
import { textStage } from '../../data/pipeline/stages/text.ts'
import { passagesIn, usualFields, type FilePassages } from '../reading/passages.ts'
import { IndexFile, type IndexCounts } from './index-file.ts'

export interface BuildOptions {
  /** Where rows of JSON Lines and Parquet have their parts. */
  readonly fields?: Fields
  /** After each file. */
  readonly onFile?: (done: FileDone) => void
  readonly signal?: AbortSignal | undefined
}

export interface FileDone {
  readonly name: string
  readonly files: { readonly done: number; readonly total: number }
  readonly outcome: 'indexed' | 'unchanged' | 'forgotten' | 'failed'
  readonly passages: number
  /** What in it gave no passages, by the reason. */
  readonly skipped: ReadonlyMap<string, number>
}

/** Goes up when the same file gives other passages, or other words to find them by. */
const version = 1

/**
 * Brings an index up to date with folders and files, or makes one. A kill loses the file that was being read, and nothing else: the next run
 * goes on. A file that cannot be read is told as failed, and what was known of it stays.
 *
 * @param path of the index
 * @param places folders, files, and URLs of files on servers that serve ranges
 * @throws PocketPhiError `not-found` for a place with nothing to read, of which the index knows nothing either; `not-supported` for a file of no known
 * format; `aborted`; as `IndexFile.open`
 */
export async function updateIndex(
  path: string,
  places: readonly string[],
  { fields = usualFields, onFile, signal }: BuildOptions = {},
): Promise<IndexCounts> {
  const found = new Map<string, readonly string[]>()
  for (const place of places) found.set(place, await filesIn(place))
  if (!existsSync(path)) for (const [place, files] of found) if (files.length === 0) throw nothingToRead(place)
  const index = IndexFile.open(path, { create: true })
  try {
    const known = index.files()
    const names = new Set([...found.values()].flat().sort())
    const gone: string[] = []
    for (const [place, files] of found) {
      const here = [...known.keys()].filter((name) => isWithin(name, place))
      if (files.length === 0 && here.length === 0) throw nothingToRead(place)
      gone.push(...here.filter((name) => !names.has(name)))
    }
    const total = names.size + new Set(gone).size
    let done = 0
    const tell = (name: string, told: Omit<FileDone, 'name' | 'files'>): void =>
      onFile?.({ name, files: { done: ++done, total }, ...told })
    for (const name of new Set(gone)) {
      index.removeFile(name)
      tell(name, { outcome: 'forgotten', passages: 0, skipped: new Map() })
    }
    for (const name of names) {
      throwIfAborted(signal)
      tell(name, await updateFile(index, name, known.get(name), fields, signal))
    }
    return index.counts
  } finally {
    await index.close()
  }
}

type Outcome = Omit<FileDone, 'name' | 'files'>

async function updateFile(
  index: IndexFile,
  name: string,
  known: string | undefined,
  fields: Fields,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const read = async (): Promise<{ identity: string; content: FilePassages | undefined }> => {
    const identity = `${await identityOf(name)} ${version}.${textStage.version} ${JSON.stringify(fields)}`
    return {
      identity,
      content: identity === known ? undefined : await passagesIn(readFileDocuments(name, fields), name, signal),
    }
  }
  const { identity, content } = await read().catch((error: unknown) => {
    throwIfAborted(signal)
    return { identity: '', content: error instanceof Error ? error.message : String(error) }
  })
  if (content === undefined) return { outcome: 'unchanged', passages: 0, skipped: new Map() }
  if (typeof content === 'string') return { outcome: 'failed', passages: 0, skipped: new Map([[content, 1]]) }
  const passages = index.replaceFile(name, identity, content.passages)
  return { outcome: 'indexed', passages, skipped: content.skipped }
}

function nothingToRead(place: string): PocketPhiError {
  return new PocketPhiError('not-found', `There is nothing to read in "${place}".`, {
    expected: 'files of text, Markdown, HTML, JSON Lines, Parquet or WARC, also with .gz or .zst',
  })
}

/** The files of a place; none where it is not there. @throws PocketPhiError `not-supported` for a file of no known format */
async function filesIn(place: string): Promise<string[]> {
  if (isUrl(place)) return [checked(place)]
  const path = resolve(place)
  const state = await stat(path).catch(() => undefined)
  if (state === undefined) return []
  if (state.isFile()) return [checked(path)]
  const names: string[] = []
  const isHidden = (name: string): boolean => name.startsWith('.') || name === 'node_modules'
  for await (const entry of glob('**/*', { cwd: path, withFileTypes: true, exclude: ({ name }) => isHidden(name) })) {
    if (isHidden(entry.name) || formatOf(entry.name) === undefined) continue
    const name = resolve(entry.parentPath, entry.name)
    const isFile = entry.isSymbolicLink() ? (await stat(name).catch(() => undefined))?.isFile() : entry.isFile()
    if (isFile === true) names.push(name)
  }
  return names
}

function checked(name: string): string {
  if (formatOf(name) !== undefined) return name
  throw new PocketPhiError('not-supported', `"${name}" is of no format that is read.`, {
    expected: 'text, Markdown, HTML, JSON Lines, Parquet or WARC, also with .gz or .zst',
  })
}

function isWithin(name: string, place: string): boolean {
  if (isUrl(place) || isUrl(name)) return name === place
  const path = resolve(place)
  return name === path || name.startsWith(path.endsWith(sep) ? path : path + sep)
}
