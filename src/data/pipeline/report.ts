/** What a stage did to documents: counts, reasons, distributions and samples. Reports of shards add up to that of a stage, in any order. */
import { crc32 } from 'node:zlib'
import type { DataDocument } from './document.ts'

export interface Amount {
  readonly documents: number
  /** UTF-16 units. */
  readonly characters: number
}

export interface Histogram {
  readonly low: number
  readonly high: number
  readonly counts: readonly number[]
}

/** One document, shown to people. */
export interface Sample {
  readonly id: string
  readonly url?: string
  readonly title?: string
  readonly excerpt: string
  readonly detail?: string
}

export interface Report {
  readonly read: Amount
  readonly kept: Amount
  /** By reason. */
  readonly dropped: Readonly<Record<string, Amount>>
  /** What else was counted. */
  readonly counts: Readonly<Record<string, number>>
  readonly histograms: Readonly<Record<string, Histogram>>
  /** Of those that were kept under "kept", of others under the reason. */
  readonly samples: Readonly<Record<string, readonly Sample[]>>
}

/** The range of a distribution; values outside count at its ends. */
export interface Scale {
  readonly low: number
  readonly high: number
}

/** What a stage notes of a document beside its verdict. */
export interface Notes {
  readonly detail?: string
  readonly counts?: Readonly<Record<string, number>>
  readonly values?: Readonly<Record<string, number>>
}

const bins = 40
const samplesKept = 6
const excerptLength = 480

export const keptLabel = 'kept'

const nothing: Amount = { documents: 0, characters: 0 }

export const emptyReport: Report = {
  read: nothing,
  kept: nothing,
  dropped: {},
  counts: {},
  histograms: {},
  samples: {},
}

/** Which samples are shown must not depend on the order of the shards: those whose names have the smallest checksums. */
function drawn(samples: readonly Sample[]): Sample[] {
  return samples
    .map((sample) => ({ sample, order: crc32(sample.id) }))
    .sort((a, b) => a.order - b.order || (a.sample.id < b.sample.id ? -1 : 1))
    .slice(0, samplesKept)
    .map(({ sample }) => sample)
}

function added(a: Amount, b: Amount): Amount {
  return { documents: a.documents + b.documents, characters: a.characters + b.characters }
}

type Keyed<T> = Readonly<Record<string, T>>

/** Joins two records key by key, with their keys in order so that the same counts give the same bytes. */
function merged<T>(a: Keyed<T>, b: Keyed<T>, join: (one: T, other: T) => T): Record<string, T> {
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()
  return Object.fromEntries(
    keys.map((key) => {
      const [one, other] = [a[key], b[key]]
      return [key, one === undefined ? (other as T) : other === undefined ? one : join(one, other)]
    }),
  )
}

export function mergeReports(a: Report, b: Report): Report {
  return {
    read: added(a.read, b.read),
    kept: added(a.kept, b.kept),
    dropped: merged(a.dropped, b.dropped, added),
    counts: merged(a.counts, b.counts, (one, other) => one + other),
    histograms: merged(a.histograms, b.histograms, (one, other) => ({
      ...one,
      counts: one.counts.map((value, index) => value + (other.counts[index] ?? 0)),
    })),
    samples: merged(a.samples, b.samples, (one, other) => drawn([...one, ...other])),
  }
}

/** Fills a report document by document. */
export class Reporter {
  readonly #scales: Readonly<Record<string, Scale>>
  readonly #counts = new Map<string, number>()
  readonly #dropped = new Map<string, Amount>()
  readonly #histograms = new Map<string, number[]>()
  readonly #samples = new Map<string, Sample[]>()
  #read: Amount = nothing
  #kept: Amount = nothing

  /** @param scales of the values that will be noted */
  constructor(scales: Readonly<Record<string, Scale>> = {}) {
    this.#scales = scales
  }

  keep(before: { readonly text: string }, after: DataDocument, notes: Notes = {}): void {
    this.#read = added(this.#read, { documents: 1, characters: before.text.length })
    this.#kept = added(this.#kept, { documents: 1, characters: after.text.length })
    this.#note(notes)
    this.#sample(keptLabel, after, notes)
  }

  drop(reason: string, document: DataDocument, notes: Notes = {}): void {
    const amount = { documents: 1, characters: document.text.length }
    this.#read = added(this.#read, amount)
    this.#dropped.set(reason, added(this.#dropped.get(reason) ?? nothing, amount))
    this.#note(notes)
    this.#sample(reason, document, notes)
  }

  #note({ counts = {}, values = {} }: Notes): void {
    for (const [name, value] of Object.entries(counts)) this.#counts.set(name, (this.#counts.get(name) ?? 0) + value)
    for (const [name, value] of Object.entries(values)) {
      const { low, high } = this.#scales[name] ?? { low: 0, high: 1 }
      const histogram = this.#histograms.get(name) ?? new Array<number>(bins).fill(0)
      const bin = Math.max(0, Math.min(bins - 1, Math.floor((bins * (value - low)) / (high - low))))
      histogram[bin] = (histogram[bin] ?? 0) + 1
      this.#histograms.set(name, histogram)
    }
  }

  #sample(label: string, { id, url, title, text }: DataDocument, { detail }: Notes): void {
    const sample = {
      id,
      ...(url !== undefined && { url }),
      ...(title !== undefined && { title }),
      excerpt: text.slice(0, excerptLength),
      ...(detail !== undefined && { detail }),
    }
    const samples = this.#samples.get(label) ?? []
    samples.push(sample)
    this.#samples.set(label, samples.length > 4 * samplesKept ? drawn(samples) : samples)
  }

  report(): Report {
    const histograms = Array.from(this.#histograms, ([name, counts]): [string, Histogram] => {
      return [name, { ...(this.#scales[name] ?? { low: 0, high: 1 }), counts }]
    })
    return mergeReports(emptyReport, {
      read: this.#read,
      kept: this.#kept,
      dropped: Object.fromEntries(this.#dropped),
      counts: Object.fromEntries(this.#counts),
      histograms: Object.fromEntries(histograms),
      samples: Object.fromEntries(Array.from(this.#samples, ([label, samples]) => [label, drawn(samples)])),
    })
  }
}
