/**
 * What workers do, one shard at a time. A task writes its output before the report beside it, both whole or not at all: where the report is, the
 * task was done, and one that was interrupted is done again with the same result.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../../formats/atomic.ts'
import { isSkipped } from '../documents/found.ts'
import type { DataDocument } from './document.ts'
import { readDocuments, readJsonIfThere, writeDocuments, writeJson, type ShardName } from './files.ts'
import { pack, type PackTask } from './pack.ts'
import type { DataSource } from './recipe.ts'
import { emptyReport, Reporter, type Amount, type Report } from './report.ts'
import { readFileDocuments } from './sources/read-file.ts'
import { findThreshold, measure, select, type MeasureTask, type SelectTask, type ThresholdTask } from './stages/best.ts'
import { findDuplicates, type ClusterSettings } from './stages/cluster.ts'
import type { DocumentStage } from './stages/step.ts'
import { tokenize, type TokenizeTask } from './tokenize.ts'

export interface ReadTask {
  readonly kind: 'read'
  readonly source: DataSource
  /** Path or URL. */
  readonly path: string
  /** How it is called in the names of documents. */
  readonly name: string
  readonly to: string
  readonly shard: ShardName
}

export interface DocumentTask {
  readonly kind: 'documents'
  readonly stage: keyof typeof documentStages
  readonly settings: unknown
  readonly from: string
  readonly to: string
  readonly shard: ShardName
}

export interface SignatureTask {
  readonly kind: 'signatures'
  readonly settings: { readonly words: number } & ClusterSettings
  readonly from: string
  readonly to: string
  readonly shard: ShardName
}

export interface ClusterTask {
  readonly kind: 'cluster'
  readonly settings: ClusterSettings
  readonly to: string
  readonly shards: readonly ShardName[]
}

export interface DropTask {
  readonly kind: 'drop'
  readonly from: string
  readonly to: string
  readonly shard: ShardName
}

export type PipelineTask =
  | ReadTask
  | DocumentTask
  | SignatureTask
  | ClusterTask
  | DropTask
  | MeasureTask
  | ThresholdTask
  | SelectTask
  | TokenizeTask
  | PackTask

/** What is beside the output of a task. */
export interface TaskReport {
  readonly report: Report
  /** Of files that were read: the shards that their documents went into. */
  readonly shards?: readonly ShardName[]
}

/** What is told of a task while others are being done; its report says more. */
export interface TaskResult {
  readonly read: Amount
  readonly seconds: number
}

/** Stages that look at one document at a time. */
export const documentStages = {
  text: async () => (await import('./stages/text.ts')).textStage,
  language: async () => (await import('./stages/language.ts')).languageStage,
  quality: async () => (await import('./stages/quality.ts')).qualityStage,
  benchmarks: async () => (await import('./stages/benchmarks.ts')).benchmarksStage,
  personal: async () => (await import('./stages/personal.ts')).personalStage,
  education: async () => (await import('./stages/education.ts')).educationStage,
} as const

/** Where the report of a task is. */
export function reportFile(task: PipelineTask): string {
  switch (task.kind) {
    case 'read':
    case 'documents':
    case 'drop':
    case 'select':
    case 'tokenize':
      return join(task.to, `${task.shard}.json`)
    case 'signatures':
      return join(task.to, `${task.shard}.signatures.json`)
    case 'cluster':
      return join(task.to, 'duplicates.json')
    case 'measure':
      return join(task.to, `${task.shard}.measured.json`)
    case 'threshold':
      return join(task.to, 'measured.json')
    case 'pack':
      return join(task.to, 'packed.json')
  }
}

/** Does a task, wherever it is. One that was done already, by a worker that ended before it could say so, is left as it is. */
export async function runTask(task: PipelineTask): Promise<TaskResult> {
  const began = performance.now()
  const before = await readJsonIfThere<TaskReport>(reportFile(task))
  const done = before ?? (await outputOf(task))
  if (before === undefined) await writeJson(reportFile(task), done)
  return { read: done.report.read, seconds: (performance.now() - began) / 1000 }
}

async function outputOf(task: PipelineTask): Promise<TaskReport> {
  switch (task.kind) {
    case 'read':
      return await readSource(task)
    case 'documents':
      return { report: await throughStage(task) }
    case 'signatures':
      await writeSignatures(task)
      return { report: emptyReport }
    case 'cluster':
      await writeDuplicates(task)
      return { report: emptyReport }
    case 'drop':
      return { report: await dropDuplicates(task) }
    case 'measure':
      await measure(task)
      return { report: emptyReport }
    case 'threshold':
      await findThreshold(task)
      return { report: emptyReport }
    case 'select':
      return { report: await select(task) }
    case 'tokenize':
      return { report: await tokenize(task) }
    case 'pack':
      return { report: await pack(task) }
  }
}

/** Characters of a shard: what a thread has in memory, about twice, as bytes and as text. */
const shardCharacters = 8_000_000

async function readSource({ source, path, name, to, shard }: ReadTask): Promise<TaskReport> {
  const reporter = new Reporter()
  const shards: ShardName[] = []
  let lines: string[] = []
  let characters = 0
  const flush = async (): Promise<void> => {
    const part = `${shard}-${String(shards.length).padStart(5, '0')}`
    await writeDocuments(to, part, lines)
    shards.push(part)
    lines = []
    characters = 0
  }
  let number = 0
  for await (const found of readFileDocuments(path, source.fields)) {
    const id = `${source.name}/${name}#${number++}`
    if (isSkipped(found)) {
      reporter.drop(found.reason, { id, source: source.name, format: 'text', text: '' }, { detail: found.detail })
      continue
    }
    const document: DataDocument = { id, source: source.name, ...found }
    reporter.keep(document, document, { counts: { [`from ${source.name}`]: 1 } })
    lines.push(JSON.stringify(document))
    characters += document.text.length
    if (characters >= shardCharacters) await flush()
  }
  if (lines.length > 0) await flush()
  return { report: reporter.report(), shards }
}

async function throughStage({ stage, settings, from, to, shard }: DocumentTask): Promise<Report> {
  const made = (await documentStages[stage]()) as DocumentStage<unknown>
  const step = await made.prepare(settings)
  const reporter = new Reporter(made.scales)
  const kept: string[] = []
  for (const document of await readDocuments(from, shard)) {
    const outcome = step(document)
    if ('dropped' in outcome) reporter.drop(outcome.dropped, document, outcome.notes)
    else {
      reporter.keep(document, outcome.kept, outcome.notes)
      kept.push(JSON.stringify(outcome.kept))
    }
  }
  await writeDocuments(to, shard, kept)
  return reporter.report()
}

/** For each document of a shard a number that stands for its text, and its signature. */
async function writeSignatures({ settings, from, to, shard }: SignatureTask): Promise<void> {
  const { signaturesOf } = await import('./stages/signatures.ts')
  const documents = await readDocuments(from, shard)
  const { exact, signatures } = signaturesOf(
    documents.map(({ text }) => text),
    settings,
  )
  await writeFileAtomic(join(to, `${shard}.exact`), new Uint8Array(exact.buffer))
  await writeFileAtomic(join(to, `${shard}.signatures`), new Uint8Array(signatures.buffer))
}

/** Of a shard: which document goes, and the place of the one that stays. */
type Drops = Readonly<Record<number, { readonly of: string; readonly similarity: number }>>

const dropsFile = (folder: string, shard: ShardName): string => join(folder, `${shard}.drops.json`)

async function writeDuplicates({ settings, to, shards }: ClusterTask): Promise<void> {
  const parts = await Promise.all(shards.map((shard) => readFile(join(to, `${shard}.exact`))))
  const counts = parts.map(({ length }) => length / 8)
  const count = counts.reduce((sum, one) => sum + one, 0)
  const hashes = settings.bands * settings.rows
  const exact = new Float64Array(count)
  const signatures = new Uint32Array(count * hashes)
  const firsts: number[] = []
  let first = 0
  for (const [index, part] of parts.entries()) {
    firsts.push(first)
    new Uint8Array(exact.buffer, 8 * first).set(part)
    const own = await readFile(join(to, `${shards[index]}.signatures`))
    new Uint8Array(signatures.buffer, 4 * hashes * first).set(own)
    first += counts[index] ?? 0
  }
  const duplicates = findDuplicates(exact, signatures, settings)
  const placeOf = (document: number): string => {
    const shard = firsts.findLastIndex((start) => start <= document)
    return `${shards[shard]} line ${document - (firsts[shard] ?? 0) + 1}`
  }
  for (const [index, shard] of shards.entries()) {
    const start = firsts[index] ?? 0
    const own = Array.from({ length: counts[index] ?? 0 }, (_, line) => [line, duplicates.get(start + line)] as const)
    const drops = own.flatMap(([line, duplicate]) =>
      duplicate === undefined ? [] : [[line, { of: placeOf(duplicate.of), similarity: duplicate.similarity }]],
    )
    await writeJson(dropsFile(to, shard), Object.fromEntries(drops))
  }
}

async function dropDuplicates({ from, to, shard }: DropTask): Promise<Report> {
  const drops = (await readJsonIfThere<Drops>(dropsFile(to, shard))) ?? {}
  const reporter = new Reporter({ 'similarity of duplicates': { low: 0.5, high: 1.0001 } })
  const kept: string[] = []
  for (const [index, document] of (await readDocuments(from, shard)).entries()) {
    const drop = drops[index]
    if (drop === undefined) {
      reporter.keep(document, document)
      kept.push(JSON.stringify(document))
      continue
    }
    const notes = {
      detail: `${drop.similarity.toFixed(2)} like ${drop.of}`,
      values: { 'similarity of duplicates': drop.similarity },
    }
    reporter.drop(drop.similarity === 1 ? 'same text' : 'nearly the same text', document, notes)
  }
  await writeDocuments(to, shard, kept)
  return reporter.report()
}
