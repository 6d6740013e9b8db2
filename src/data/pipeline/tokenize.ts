/** Documents as tokens, and which part of the mixture each belongs to. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { PocketPhiError } from '../../base/errors.ts'
import { writeFileAtomic } from '../../formats/atomic.ts'
import { parseJson } from '../../formats/json.ts'
import { special } from '../../text/text.ts'
import { loadTokenizerJson, type Tokenizer } from '../../text/tokenizer.ts'
import type { DataDocument } from './document.ts'
import { readDocuments, writeJson, type ShardName } from './files.ts'
import type { PackSettings } from './recipe.ts'
import { Reporter, type Report } from './report.ts'

export interface TokenizeTask {
  readonly kind: 'tokenize'
  readonly settings: Pick<PackSettings, 'tokenizer' | 'mixture' | 'heldOut'>
  readonly from: string
  readonly to: string
  readonly shard: ShardName
}

/** What is known of the documents of a shard without reading their tokens. */
export interface TokenizedShard {
  /** Tokens of each document, with the one that ends it. */
  readonly lengths: readonly number[]
  /** Which part of the mixture each belongs to. */
  readonly parts: readonly number[]
  /** Whether each is held out, as 0 or 1. */
  readonly heldOut: readonly number[]
}

export const idsFile = (folder: string, shard: ShardName): string => join(folder, `${shard}.ids`)
export const lengthsFile = (folder: string, shard: ShardName): string => join(folder, `${shard}.lengths.json`)

export const tokenizerFile = (folder: string): string => join(folder, 'tokenizer.json')

/** @throws PocketPhiError `not-found` without a tokenizer, `invalid-config` without a token that ends documents */
async function openTokenizer(folder: string): Promise<Tokenizer> {
  const file = tokenizerFile(folder)
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new PocketPhiError('not-found', `The tokenizer "${file}" cannot be read.`, {
      remedy: 'Correct "pack.tokenizer": a folder with a tokenizer.json.',
      cause,
    })
  })
  const tokenizer = loadTokenizerJson(parseJson(text, file))
  if (tokenizer.idOf(endOfText.content) !== undefined) return tokenizer
  throw new PocketPhiError('invalid-config', `The tokenizer "${file}" has no ${endOfText.content}.`, {
    remedy: 'Use the tokenizer of the model that will be trained.',
  })
}

const endOfText = special('<|endoftext|>')

/** Of the folder that a thread had last: reading a large vocabulary takes a second. */
let last: { readonly folder: string; readonly tokenizer: Promise<Tokenizer> } | undefined

/** The first part of the mixture that a document fits into; undefined for none. */
function partOf(document: DataDocument, mixture: PackSettings['mixture']): number | undefined {
  const { source, education = 0, reasoning = 0 } = document
  const isIn = (value: number, range: readonly [number, number] | undefined): boolean =>
    range === undefined || (value >= range[0] && value < range[1])
  const part = mixture.findIndex((one) => {
    if (one.sources !== undefined && !one.sources.includes(source)) return false
    return isIn(education, one.education) && isIn(reasoning, one.reasoning)
  })
  return part < 0 ? undefined : part
}

/** The tokenizer of a folder. @throws PocketPhiError `not-found`, `invalid-config` */
export async function tokenizerIn(folder: string): Promise<Tokenizer> {
  if (last?.folder !== folder) last = { folder, tokenizer: openTokenizer(folder) }
  return await last.tokenizer
}

export async function tokenize({ settings, from, to, shard }: TokenizeTask): Promise<Report> {
  const tokenizer = await tokenizerIn(settings.tokenizer)
  const reporter = new Reporter({ 'tokens (log 10)': { low: 0, high: 6 } })
  const all: Uint32Array[] = []
  const parts: number[] = []
  const heldOut: number[] = []
  for (const document of await readDocuments(from, shard)) {
    const part = partOf(document, settings.mixture)
    if (part === undefined) {
      reporter.drop('in no part of the mixture', document)
      continue
    }
    const ids = Uint32Array.from(tokenizer.encode([document.text, endOfText]))
    // Its name decides, so that the same document is held out whatever else is read.
    const isHeldOut = crc32(`held out ${document.id}`) < settings.heldOut * 2 ** 32
    all.push(ids)
    parts.push(part)
    heldOut.push(Number(isHeldOut))
    const counts = {
      tokens: ids.length,
      [`tokens of part ${part + 1}`]: ids.length,
      'held out documents': Number(isHeldOut),
    }
    reporter.keep(document, document, { counts, values: { 'tokens (log 10)': Math.log10(ids.length) } })
  }
  const lengths = all.map(({ length }) => length)
  const ids = new Uint32Array(lengths.reduce((sum, length) => sum + length, 0))
  let at = 0
  for (const own of all) {
    ids.set(own, at)
    at += own.length
  }
  await writeFileAtomic(idsFile(to, shard), new Uint8Array(ids.buffer))
  await writeJson(lengthsFile(to, shard), { lengths, parts, heldOut } satisfies TokenizedShard)
  return reporter.report()
}
