/** Which of the texts that were written are kept, and why the others go: decided in the order of the plan, whenever answers came. */
import { PocketPhiError, present } from '../../../base/errors.ts'
import type { DataDocument } from '../document.ts'
import { filesOf, locate } from '../inputs.ts'
import { Reporter, type Notes } from '../report.ts'
import type { StageRecord } from '../run.ts'
import { benchmarksStage } from '../stages/benchmarks.ts'
import { findDuplicates } from '../stages/cluster.ts'
import { signaturesOf } from '../stages/signatures.ts'
import type { Combination } from './combinations.ts'
import { openingOf } from './diversity.ts'
import type { Draft } from './forms/index.ts'
import type { SynthesisPlan } from './plan.ts'
import type { Verdict } from './solutions.ts'

/** What came of a combination. */
export interface Answered {
  readonly combination: Combination
  readonly draft: Draft
  /** Of exercises, unless they are not solved again. */
  readonly verdict: Verdict | undefined
}

export interface Unanswered {
  readonly combination: Combination
  /** What was wrong with the last answer, or that there was no question yet. */
  readonly reason: string
}

/** Why a text goes. */
interface Loss {
  readonly reason: string
  readonly notes?: Notes
}

/** Says of texts, in their order, which go. */
type Filter = (texts: readonly DataDocument[], answered: readonly Answered[]) => readonly (Loss | undefined)[]

export interface Choice {
  readonly kept: readonly Answered[]
  readonly stages: readonly StageRecord[]
}

/** @param source the name of the plan */
export function choose(
  source: string,
  filters: NamedFilters,
  answered: readonly Answered[],
  unanswered: readonly Unanswered[],
): Choice {
  const stages = [answersStage(source, answered, unanswered)]
  let kept = answered
  for (const [name, filter] of filters) {
    const documents = kept.map((one) => documentOf(source, one))
    const losses = filter(documents, kept)
    const reporter = new Reporter({ 'similarity of duplicates': { low: 0.5, high: 1.0001 } })
    documents.forEach((document, index) => {
      const loss = losses[index]
      if (loss === undefined) reporter.keep(document, document)
      else reporter.drop(loss.reason, document, loss.notes)
    })
    kept = kept.filter((_, index) => losses[index] === undefined)
    stages.push({ name, shards: [], report: reporter.report() })
  }
  return { kept, stages }
}

/** A text as the pipeline knows texts. */
export function documentOf(source: string, { combination: { id, form, topic }, draft }: Answered): DataDocument {
  return { id: `${source}/${form}/${id}`, source, title: draft.title ?? topic, format: 'text', text: draft.text }
}

function answersStage(source: string, answered: readonly Answered[], unanswered: readonly Unanswered[]): StageRecord {
  const reporter = new Reporter()
  for (const one of answered) {
    const document = documentOf(source, one)
    const { form, audience } = one.combination
    reporter.keep(document, document, { counts: { [form]: 1 }, detail: `for ${audience}` })
  }
  for (const { combination, reason } of unanswered) {
    const { id, form, topic, audience } = combination
    const document: DataDocument = { id: `${source}/${form}/${id}`, source, title: topic, format: 'text', text: '' }
    reporter.drop(reason, document, { detail: `for ${audience}` })
  }
  return { name: 'answers', shards: [], report: reporter.report() }
}

export type NamedFilters = readonly (readonly [name: string, filter: Filter])[]

/**
 * What texts of a plan have to pass.
 *
 * @throws PocketPhiError `not-found` for benchmarks without files; `invalid-file` for those that cannot be read
 */
export async function filtersOf({ benchmarks, duplicates, openings, forms }: SynthesisPlan): Promise<NamedFilters> {
  return [
    ...(forms.exercise === undefined ? [] : [['solutions', unsolved] as const]),
    ...(benchmarks === undefined ? [] : [['benchmarks', await contaminated(benchmarks)] as const]),
    ['duplicates', repeated(duplicates)],
    ['openings', begunAlike(openings)],
  ]
}

const unsolved: Filter = (_, answered) =>
  answered.map(({ verdict }) => {
    if (verdict === 'disagreed') return { reason: 'solved otherwise' }
    return verdict === 'open' ? { reason: 'not solved' } : undefined
  })

async function contaminated(settings: NonNullable<SynthesisPlan['benchmarks']>): Promise<Filter> {
  const files = await filesOf(settings.files, '.')
  if (files.length === 0) {
    throw new PocketPhiError('not-found', 'The benchmarks of the plan have no files.', {
      expected: settings.files.join(', '),
      remedy: 'Correct "benchmarks.files"; paths are taken from the working folder.',
    })
  }
  const step = await benchmarksStage.prepare({ ...settings, files: files.map((file) => locate(file, '.')) })
  return (texts) =>
    texts.map((text) => {
      const outcome = step(text)
      return 'kept' in outcome ? undefined : { reason: outcome.dropped, ...(outcome.notes && { notes: outcome.notes }) }
    })
}

function repeated(settings: SynthesisPlan['duplicates']): Filter {
  return (documents) => {
    const texts = documents.map(({ text }) => text)
    const { exact, signatures } = signaturesOf(texts, settings)
    const found = findDuplicates(exact, signatures, settings)
    return texts.map((_, index) => {
      const duplicate = found.get(index)
      if (duplicate === undefined) return undefined
      const { of, similarity } = duplicate
      const detail = `${similarity.toFixed(2)} like ${present(documents[of], 'text that stays').id}`
      const notes = { detail, values: { 'similarity of duplicates': similarity } }
      return { reason: similarity === 1 ? 'same text' : 'nearly the same text', notes }
    })
  }
}

function begunAlike({ words, most }: SynthesisPlan['openings']): Filter {
  return (documents, answered) => {
    const counts = new Map<string, number>()
    return documents.map(({ text }, index) => {
      const opening = openingOf(text, words)
      const name = `${answered[index]?.combination.form} ${opening}`
      const count = (counts.get(name) ?? 0) + 1
      counts.set(name, count)
      return count > most ? { reason: 'same opening', notes: { detail: `${opening} …` } } : undefined
    })
  }
}
