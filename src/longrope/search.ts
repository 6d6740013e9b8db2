/** A search for LongRoPE's factors, from the files of a model to what it found. */
import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Backend } from '../backends/backend.ts'
import { present, throwIfAborted } from '../base/errors.ts'
import type { OnProgress } from '../base/progress.ts'
import { cleanTemporaries, systemError, writeFileAtomic, type AtomicOptions } from '../formats/atomic.ts'
import type { FileTree } from '../formats/tree.ts'
import { candidateOf, keyOf, type Candidate } from './candidates.ts'
import type { DocumentSplit } from './documents.ts'
import { evolve, plannedMeasurements, ranked, type EvolutionSettings, type Measured } from './evolution.ts'
import { openReader, type DocumentReader } from './perplexity.ts'
import type { SearchPlan } from './plans.ts'
import { plotSearch } from './plot.ts'
import { SearchRecord, type RecordedSettings } from './record.ts'

/** What a search tells while it goes on. */
export interface SearchProgress {
  readonly generation: number
  readonly generations: number
  /** Candidates measured, and those that there will be. */
  readonly measured: number
  readonly total: number
  /** The least mean loss so far, in nats. */
  readonly best: number
  /** That of the best seed. */
  readonly bestSeed: number
  readonly secondsLeft: number
}

export interface SearchOptions extends AtomicOptions {
  /** Where the record (`search.json`) and the picture (`search.svg`) of the search are. */
  readonly folder: string
  readonly backend: Backend
  /** Go on with the search whose record is there, if there is one. Without it such a folder is refused. */
  readonly resume?: boolean
  /** As of `ReaderOptions`. */
  readonly exact?: boolean
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: SearchProgress) => void
  readonly onLoading?: OnProgress
  /** Wall clock in seconds; tests replace it. */
  readonly now?: () => number
}

/** Factors with their mean loss, in nats, on the documents of the search and on others. */
export interface Finding {
  readonly name: string
  readonly factors: readonly number[]
  readonly startTokens: number
  readonly loss: number
  readonly heldOutLoss: number
  /** Of each document that the search did not see. */
  readonly heldOutLosses: readonly number[]
}

export interface SearchResult {
  /** The factors that were found, which leave no start tokens alone. */
  readonly best: Finding
  readonly seeds: readonly Finding[]
  /** Where start tokens may be left alone and that is better: the best that was found of all. */
  readonly withStartTokens: Finding | undefined
  /** Candidates that were measured. */
  readonly measured: number
}

/** By how much less the factors that were found lose than those of the seed that the search measured best. */
export interface HeldOutGain {
  readonly seed: string
  /** The mean over the documents that the search did not see, in nats per token, and its standard error (of one document none can be told). */
  readonly mean: number
  readonly error: number
}

/**
 * Compares document by document: those differ from each other by far more than factors do. A gain of less than two errors may be none, since the
 * best of many candidates is also the one that fits the documents of the search best by chance.
 */
export function heldOutGain({ best, seeds }: Pick<SearchResult, 'best' | 'seeds'>): HeldOutGain {
  const seed = present(seeds.toSorted((left, right) => left.loss - right.loss)[0], 'seeds')
  const gains = seed.heldOutLosses.map((loss, index) => loss - present(best.heldOutLosses[index], 'loss'))
  const mean = meanOf(gains)
  const squares = gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0)
  return { seed: seed.name, mean, error: Math.sqrt(squares / (gains.length - 1) / gains.length) }
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/**
 * Searches as the plan says. The published configurations have no place for a number of start tokens: the best candidates are measured
 * without them too, and that is what is found.
 *
 * A search that is killed at any moment loses at most the candidate that was being measured, and ends, resumed, as an undisturbed
 * one does.
 *
 * @throws PocketPhiError as `openReader` and `SearchRecord.open`; `aborted` when the signal fires
 */
export async function searchFactors(
  tree: FileTree,
  plan: SearchPlan,
  documents: DocumentSplit,
  evolution: EvolutionSettings,
  options: SearchOptions,
): Promise<SearchResult> {
  const { folder, backend, exact, signal } = options
  throwIfAborted(signal)
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw systemError(folder, error)
  })
  await cleanTemporaries(folder, options)
  const { length, scale } = plan
  const reader = await openReader(tree, backend, { length, scale, exact, signal, onProgress: options.onLoading })
  try {
    const settings = await recordedSettings(reader, plan, documents, evolution, exact ?? false)
    const record = await SearchRecord.open(join(folder, 'search.json'), settings, {
      ...options,
      resume: options.resume === true,
    })
    return await new Search({ reader, plan, documents, evolution, record, options }).toTheEnd()
  } finally {
    await reader.dispose()
  }
}

/** What decides the losses and what is drawn. */
async function recordedSettings(
  reader: DocumentReader,
  { length, scale, seeds, space }: SearchPlan,
  { searched }: DocumentSplit,
  evolution: EvolutionSettings,
  exact: boolean,
): Promise<RecordedSettings> {
  const documents = createHash('sha256').update(JSON.stringify(searched)).digest('hex')
  const model = await reader.fingerprint()
  const settings = { model, documents, length, scale, exact, seeds, space, evolution }
  return JSON.parse(JSON.stringify(settings)) as RecordedSettings
}

interface SearchParts {
  readonly reader: DocumentReader
  readonly plan: SearchPlan
  readonly documents: DocumentSplit
  readonly evolution: EvolutionSettings
  readonly record: SearchRecord
  readonly options: SearchOptions
}

class Search {
  readonly #parts: SearchParts
  /** Monotone and on the grid, as they are measured. */
  readonly #seeds: readonly (Candidate & { readonly name: string })[]
  readonly #distinctSeeds: number
  readonly #now: () => number
  readonly #began: number
  readonly #known: number
  #measured = 0
  #best = Infinity
  #bestSeed = Infinity

  constructor(parts: SearchParts) {
    this.#parts = parts
    const { plan, record, options } = parts
    this.#seeds = plan.seeds.map(({ name, factors }) => ({ name, ...candidateOf(factors, 0, plan.space) }))
    this.#distinctSeeds = new Set(this.#seeds.map(keyOf)).size
    this.#known = record.length
    this.#now = options.now ?? (() => performance.now() / 1000)
    this.#began = this.#now()
  }

  async toTheEnd(): Promise<SearchResult> {
    const { evolution, plan } = this.#parts
    const measured = await evolve(
      this.#seeds,
      evolution,
      plan.space,
      (candidate, generation) => this.#measure(candidate, generation),
      (history) => this.#draw(history),
    )
    const best = await this.#bestWithoutStartTokens(measured)
    const first = present(ranked(measured)[0], 'best')
    return {
      best: await this.#finding('search', best),
      seeds: await this.#findings(measured),
      withStartTokens: first.loss < best.loss ? await this.#finding('search, with start tokens', first) : undefined,
      measured: this.#measured,
    }
  }

  async #measure(candidate: Candidate, generation: number): Promise<number> {
    const { reader, record, documents, evolution, options } = this.#parts
    const loss = await record.lossOf(candidate, generation, () => reader.lossOf(candidate, documents.searched))
    this.#measured++
    this.#best = Math.min(this.#best, loss)
    if (this.#measured <= this.#distinctSeeds) this.#bestSeed = this.#best
    const total = Math.max(this.#measured, plannedMeasurements(evolution))
    const made = this.#measured - this.#known
    const seconds = this.#now() - this.#began
    options.onProgress?.({
      generation,
      generations: evolution.generations,
      measured: this.#measured,
      total,
      best: this.#best,
      bestSeed: this.#bestSeed,
      secondsLeft: made > 0 ? ((total - this.#measured) * seconds) / made : Infinity,
    })
    return loss
  }

  /** The best candidates may leave start tokens alone: as many as are parents are measured without. */
  async #bestWithoutStartTokens(measured: readonly Measured[]): Promise<Measured> {
    const { evolution } = this.#parts
    const finalists: Measured[] = measured.filter(({ startTokens }) => startTokens === 0)
    const known = new Set(finalists.map(({ factors }) => String(factors)))
    for (const { factors, startTokens } of ranked(measured).slice(0, evolution.parents)) {
      if (startTokens === 0 || known.has(String(factors))) continue
      known.add(String(factors))
      const candidate = { factors, startTokens: 0 }
      const generation = evolution.generations + 1
      finalists.push({ ...candidate, generation, loss: await this.#measure(candidate, generation) })
    }
    return present(ranked(finalists)[0], 'best')
  }

  async #findings(measured: readonly Measured[]): Promise<Finding[]> {
    const findings: Finding[] = []
    for (const { name, factors } of this.#seeds) {
      const seed = measured.find((other) => other.startTokens === 0 && String(other.factors) === String(factors))
      findings.push(await this.#finding(name, present(seed, 'seed')))
    }
    return findings
  }

  async #finding(name: string, { factors, startTokens, loss }: Measured): Promise<Finding> {
    const { reader, documents } = this.#parts
    const heldOutLosses: number[] = []
    for (const document of documents.heldOut) {
      heldOutLosses.push(await reader.lossOf({ factors, startTokens }, [document]))
    }
    return { name, factors, startTokens, loss, heldOutLoss: meanOf(heldOutLosses), heldOutLosses }
  }

  async #draw(history: readonly Measured[]): Promise<void> {
    const { options, plan } = this.#parts
    const picture = plotSearch(`LongRoPE's factors for ${plan.length} tokens`, history, this.#seeds)
    await writeFileAtomic(join(options.folder, 'search.svg'), picture, options)
  }
}
