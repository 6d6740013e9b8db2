/** Files to an index: what is new or has changed is read, what is gone is forgotten. */
import { glob, stat } from 'node:fs/promises'
import { basename, resolve, sep } from 'node:path'
import { PocketPhiError, throwIfAborted } from '../../base/errors.ts'
import { isSkipped, type RawDocument } from '../../data/pipeline/document.ts'
import { identityOf } from '../../data/pipeline/inputs.ts'
import { formatOf, readFileDocuments, type Fields } from '../../data/pipeline/sources/read-file.ts'
import { mainText } from '../../data/pipeline/stages/main-text/index.ts'
import type { Passage } from '../passage.ts'
import { splitText } from '../split.ts'
import type { IndexFile } from './index-file.ts'

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
  readonly outcome: 'indexed' | 'unchanged' | 'forgotten'
  readonly passages: number
  /** What in it gave no passages, by the reason. */
  readonly skipped: ReadonlyMap<string, number>
}

const usualFields: Fields = { text: 'text', html: 'html', title: 'title', url: 'url' }
const isUrl = (place: string): boolean => /^https?:/.test(place)

/**
 * Brings an index up to date with folders and files. A kill loses the file that was being read, and nothing else: the next run goes on.
 *
 * @param places folders, files, and URLs of files on servers that serve ranges
 * @throws PocketPhiError `not-found` for a place that is not there, or without anything to read; `aborted`
 */
export async function updateIndex(
  index: IndexFile,
  places: readonly string[],
  options: BuildOptions = {},
): Promise<void> {
  const { fields = usualFields, onFile, signal } = options
  const names = await filesIn(places)
  const known = index.files()
  const gone = [...known.keys()].filter(
    (name) => !names.includes(name) && places.some((place) => isWithin(name, place)),
  )
  const total = names.length + gone.length
  let done = 0
  const tell = (name: string, outcome: FileDone['outcome'], passages = 0, skipped = new Map<string, number>()): void =>
    onFile?.({ name, files: { done: ++done, total }, outcome, passages, skipped })
  for (const name of gone) {
    index.removeFile(name)
    tell(name, 'forgotten')
  }
  for (const name of names) {
    throwIfAborted(signal)
    const identity = await identityOf(name)
    if (known.get(name) === identity) {
      tell(name, 'unchanged')
      continue
    }
    const { passages, skipped } = await passagesOf(name, fields, signal)
    tell(name, 'indexed', index.replaceFile(name, identity, passages), skipped)
  }
}

/** The files that are read, in the order of their names. */
async function filesIn(places: readonly string[]): Promise<string[]> {
  const names = new Set<string>()
  for (const place of places) {
    const found = isUrl(place) ? [place] : await localFiles(place)
    if (found.length === 0) {
      throw new PocketPhiError('not-found', `There is nothing to read in "${place}".`, {
        expected: 'files of text, Markdown, HTML, JSON Lines, Parquet or WARC, also with .gz or .zst',
      })
    }
    for (const name of found) names.add(name)
  }
  return [...names].sort()
}

async function localFiles(place: string): Promise<string[]> {
  const path = resolve(place)
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) throw new PocketPhiError('not-found', `There is no file or folder "${place}".`)
  if (found.isFile()) return [path]
  const names: string[] = []
  const isHidden = (name: string): boolean => name.startsWith('.') || name === 'node_modules'
  for await (const entry of glob('**/*', { cwd: path, withFileTypes: true, exclude: ({ name }) => isHidden(name) })) {
    if (entry.isFile() && !isHidden(entry.name) && formatOf(entry.name) !== undefined) {
      names.push(resolve(entry.parentPath, entry.name))
    }
  }
  return names
}

function isWithin(name: string, place: string): boolean {
  if (isUrl(place) || isUrl(name)) return name === place
  const path = resolve(place)
  return name === path || name.startsWith(path + sep)
}

async function passagesOf(name: string, fields: Fields, signal: AbortSignal | undefined) {
  const passages: Passage[] = []
  const skipped = new Map<string, number>()
  const skip = (reason: string): unknown => skipped.set(reason, (skipped.get(reason) ?? 0) + 1)
  for await (const found of readFileDocuments(name, fields)) {
    throwIfAborted(signal)
    if (isSkipped(found)) {
      skip(found.reason)
      continue
    }
    const parts = documentPassages(found, name)
    if (parts.length === 0) skip('no text')
    for (const part of parts) passages.push(part)
  }
  return { passages, skipped }
}

function documentPassages(document: RawDocument, file: string): Passage[] {
  const page = document.format === 'html' ? mainText(document.text) : undefined
  const text = document.format === 'html' ? (page?.text ?? '') : document.text
  const address = document.url ?? file
  const title = page?.title || titleOf(document, file)
  return splitText(text).map((part) => ({
    title: part.heading === '' || part.heading === title ? title : `${title}: ${part.heading}`,
    address,
    text: part.text,
  }))
}

/** Its own, the first heading of Markdown, or the name of the file. */
function titleOf({ title, text }: RawDocument, file: string): string {
  if (title !== undefined && !file.endsWith(title)) return title
  return /^#\s+(.+?)\s*#*$/m.exec(text.slice(0, 2000))?.[1] ?? basename(file)
}
