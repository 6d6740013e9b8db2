/** What a run of a plan leaves in its folder: texts, conversations, and the account of them. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { writeFileAtomic } from '../../../formats/atomic.ts'
import { readJsonIfThere } from '../files.ts'
import type { AskingCounts } from '../asking/asker.ts'
import type { RunState, StageRecord } from '../run.ts'
import { choose, documentOf, type Answered, type NamedFilters, type Unanswered } from './choose.ts'
import { diversityOf, type Diversity } from './diversity.ts'
import { formNames, forms } from './forms/index.ts'
import type { SynthesisPlan } from './plan.ts'

/** The account of a folder. */
export interface SynthesisManifest {
  readonly name: string
  readonly description: string
  readonly model: string
  readonly counts: SynthesisCounts
  /** Texts that are kept, by form. */
  readonly kept: Readonly<Record<string, number>>
  /** Of all texts that were written, and of those that are kept. */
  readonly diversity: { readonly answered: Diversity; readonly kept: Diversity }
  readonly answers: SynthesisAnswers
  readonly files: Readonly<Record<string, { readonly rows: number; readonly sha256: string }>>
  /** What became of the combinations, step by step. */
  readonly stages: readonly StageRecord[]
}

/** The answers of all runs on the folder, and of this one: */
export interface SynthesisAnswers extends AskingCounts {
  /** Combinations that needed no question any more. */
  readonly known: number
}

/** Combinations by what came of them. All but `asked`, `answered` and `malformed` add up to `asked`. */
export interface SynthesisCounts {
  readonly asked: number
  readonly answered: number
  /** Answers that were not taken, of all questions. */
  readonly malformed: number
  readonly unanswered: number
  readonly failedVerification: number
  readonly contaminated: number
  readonly duplicates: number
  readonly sameOpenings: number
  readonly kept: number
}

export const textsFile = (folder: string): string => join(folder, 'texts.jsonl')
export const conversationsFile = (folder: string): string => join(folder, 'conversations.jsonl')
export const manifestFile = (folder: string): string => join(folder, 'manifest.json')

export interface SynthesisResult {
  readonly plan: SynthesisPlan
  /** What its texts have to pass. */
  readonly filters: NamedFilters
  readonly model: string
  readonly answered: readonly Answered[]
  readonly unanswered: readonly Unanswered[]
  readonly answers: SynthesisAnswers
}

/**
 * Writes what is kept, each file whole or not at all.
 *
 * @throws PocketPhiError what writing throws
 */
export async function writeSynthesis(folder: string, result: SynthesisResult): Promise<SynthesisManifest> {
  const { plan, filters, model, answered, unanswered, answers } = result
  const { kept, stages } = choose(plan.name, filters, answered, unanswered)
  const files = {
    'texts.jsonl': await writeRows(textsFile(folder), textRows(plan.name, model, kept)),
    'conversations.jsonl': await writeRows(conversationsFile(folder), conversationRows(plan.name, model, kept)),
  }
  const ofForm = (form: string): number => kept.filter(({ combination }) => combination.form === form).length
  const manifest: SynthesisManifest = {
    name: plan.name,
    description: plan.description,
    model,
    counts: countsOf(result, kept.length, stages),
    kept: Object.fromEntries(formNames.map((form) => [form, ofForm(form)])),
    diversity: {
      answered: diversityOf(answered.map(({ draft }) => draft.text)),
      kept: diversityOf(kept.map(({ draft }) => draft.text)),
    },
    answers,
    files,
    stages,
  }
  await writeFileAtomic(manifestFile(folder), `${JSON.stringify(manifest, undefined, 2)}\n`)
  return manifest
}

/** What tells where a row comes from. */
function originOf(source: string, model: string, one: Answered): object {
  const { id, title } = documentOf(source, one)
  const { form, topic, audience } = one.combination
  return { id, title, form, topic, audience, model }
}

function textRows(source: string, model: string, kept: readonly Answered[]): object[] {
  return kept
    .filter(({ combination }) => forms[combination.form].isProse)
    .map((one) => ({ ...originOf(source, model, one), text: one.draft.text }))
}

function conversationRows(source: string, model: string, kept: readonly Answered[]): object[] {
  return kept.flatMap((one) => {
    const { messages } = one.draft
    return messages === undefined ? [] : [{ ...originOf(source, model, one), messages }]
  })
}

async function writeRows(path: string, rows: readonly object[]): Promise<{ rows: number; sha256: string }> {
  const hash = createHash('sha256')
  const lines = function* (): Generator<Uint8Array> {
    for (const row of rows) {
      const line = new TextEncoder().encode(`${JSON.stringify(row)}\n`)
      hash.update(line)
      yield line
    }
  }
  await writeFileAtomic(path, lines())
  return { rows: rows.length, sha256: hash.digest('hex') }
}

function countsOf(
  { answered, unanswered, answers }: SynthesisResult,
  kept: number,
  stages: readonly StageRecord[],
): SynthesisCounts {
  const lostIn = (name: string): number => {
    const report = stages.find((stage) => stage.name === name)?.report
    return report === undefined ? 0 : report.read.documents - report.kept.documents
  }
  return {
    asked: answered.length + unanswered.length,
    answered: answered.length,
    malformed: Object.values(answers.rejected).reduce((sum, count) => sum + count, 0),
    unanswered: unanswered.length,
    failedVerification: lostIn('solutions'),
    contaminated: lostIn('benchmarks'),
    duplicates: lostIn('duplicates'),
    sameOpenings: lostIn('openings'),
    kept,
  }
}

/** A folder of synthetic data as a run of the pipeline is looked at; undefined where it is none. */
export async function readSynthesis(folder: string): Promise<RunState | undefined> {
  const manifest = await readJsonIfThere<SynthesisManifest>(manifestFile(folder))
  if (manifest === undefined) return undefined
  const { name, description, stages } = manifest
  const planned = stages.map((stage) => ({ name: stage.name, folder: '', tasks: 1 }))
  return { run: { name, description, stages: planned }, records: stages }
}
