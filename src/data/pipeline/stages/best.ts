/**
 * Keeps the best documents of about so many tokens: each shard tells the values and lengths of its documents, one task finds the value from which on
 * the budget is filled, and each shard drops what is below.
 */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { present } from '../../../base/errors.ts'
import { highestScore } from '../education/annotation.ts'
import type { DataDocument } from '../document.ts'
import { readDocuments, readJsonIfThere, writeDocuments, writeJson, type ShardName } from '../files.ts'
import type { StageSettings } from '../recipe.ts'
import { Reporter, type Report } from '../report.ts'
import { tokenizerIn } from '../tokenize.ts'

type Settings = StageSettings['best']

interface Place {
  readonly from: string
  readonly to: string
  readonly shard: ShardName
}

export interface MeasureTask extends Place {
  readonly kind: 'measure'
  readonly settings: Settings
  /** A folder with a tokenizer.json. */
  readonly tokenizer: string
}

export interface ThresholdTask {
  readonly kind: 'threshold'
  readonly settings: Settings
  readonly to: string
  readonly shards: readonly ShardName[]
}

export interface SelectTask extends Place {
  readonly kind: 'select'
  readonly settings: Settings
}

/** What is known of the documents of a shard. */
interface Measures {
  readonly values: readonly number[]
  readonly characters: readonly number[]
  /** Of those documents that were made tokens. */
  readonly sample: { readonly characters: number; readonly tokens: number }
}

export interface Threshold {
  /** The least value that stays. */
  readonly value: number
  readonly charactersPerToken: number
}

const measuresFile = (folder: string, shard: ShardName): string => join(folder, `${shard}.measures.json`)
export const thresholdFile = (folder: string): string => join(folder, 'threshold.json')

/** What decides: educational value, and reasoning by its weight. */
function valueOf({ education = 0, reasoning = 0 }: DataDocument, { reasoningWeight }: Settings): number {
  return (1 - reasoningWeight) * education + reasoningWeight * reasoning
}

/** One document in so many is made tokens: how many characters a token has is the same for all, nearly. */
const sampledShare = 1 / 16

export async function measure({ settings, tokenizer: folder, from, to, shard }: MeasureTask): Promise<void> {
  const tokenizer = await tokenizerIn(folder)
  const documents = await readDocuments(from, shard)
  let [characters, tokens] = [0, 0]
  for (const [index, { id, text }] of documents.entries()) {
    if (index > 0 && crc32(`sample ${id}`) >= sampledShare * 2 ** 32) continue
    characters += text.length
    // With the one that ends it.
    tokens += tokenizer.encode(text).length + 1
  }
  await writeJson(measuresFile(to, shard), {
    values: documents.map((document) => valueOf(document, settings)),
    characters: documents.map(({ text }) => text.length),
    sample: { characters, tokens },
  } satisfies Measures)
}

/** The value from which on documents have so many tokens together; those of the same value stay or go together. */
export function thresholdOf(shards: readonly Measures[], tokens: number): Threshold {
  const sampled = { characters: 0, tokens: 0 }
  for (const { sample } of shards) {
    sampled.characters += sample.characters
    sampled.tokens += sample.tokens
  }
  const charactersPerToken = sampled.characters / Math.max(1, sampled.tokens)
  const documents = shards.flatMap(({ values, characters }) =>
    values.map((value, index) => [value, (characters[index] ?? 0) / charactersPerToken] as const),
  )
  let taken = 0
  for (const [value, length] of documents.sort(([a], [b]) => b - a)) {
    taken += length
    if (taken >= tokens) return { value, charactersPerToken }
  }
  return { value: 0, charactersPerToken }
}

export async function findThreshold({ settings, to, shards }: ThresholdTask): Promise<void> {
  const measures = await Promise.all(shards.map((shard) => readJsonIfThere<Measures>(measuresFile(to, shard))))
  const all = measures.map((one) => present(one, 'measures of a shard'))
  await writeJson(thresholdFile(to), thresholdOf(all, settings.tokens))
}

export async function select({ settings, from, to, shard }: SelectTask): Promise<Report> {
  const least = present(await readJsonIfThere<Threshold>(thresholdFile(to)), 'threshold').value
  const reporter = new Reporter({ 'value that decides': { low: 0, high: highestScore } })
  const kept: string[] = []
  for (const document of await readDocuments(from, shard)) {
    const value = valueOf(document, settings)
    const notes = { values: { 'value that decides': value }, detail: `${value.toFixed(2)}, least ${least.toFixed(2)}` }
    if (value < least) reporter.drop('not among the best', document, notes)
    else {
      reporter.keep(document, document, notes)
      kept.push(JSON.stringify(document))
    }
  }
  await writeDocuments(to, shard, kept)
  return reporter.report()
}
