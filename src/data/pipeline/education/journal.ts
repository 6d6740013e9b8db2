/** Every answer of a model, kept in a file as it comes: what was taken need not be asked again, and what was paid for is counted. */
import { openJsonLines, readJsonLines } from '../../../formats/json-lines.ts'
import { isJsonObject } from '../../../formats/json.ts'
import type { Annotation } from './annotation.ts'
import type { Rejected, Rejection } from './prompt.ts'

/** Tokens as the server counts them. */
export interface Usage {
  readonly prompt: number
  readonly answer: number
}

interface Entry {
  /** Of prompt, text and model (`answerKey`). */
  readonly key: string
  /** Missing where the server does not say, or did not answer in time. */
  readonly usage?: Usage | undefined
}

export interface TakenEntry extends Entry, Annotation {}
export interface RejectedEntry extends Entry, Rejected {}
export type JournalEntry = TakenEntry | RejectedEntry

export const isRejected = (entry: JournalEntry): entry is RejectedEntry => 'rejected' in entry

/** What this module wrote, as far as it is whole. */
function takeEntry(value: unknown): JournalEntry | undefined {
  if (!isJsonObject(value) || typeof value['key'] !== 'string') return undefined
  const isEntry =
    typeof value['rejected'] === 'string' || (isJsonObject(value['education']) && isJsonObject(value['reasoning']))
  return isEntry ? (value as unknown as JournalEntry) : undefined
}

type Counts = Readonly<Partial<Record<Rejection, number>>>

/** What is known of all entries together. */
export interface Tally {
  readonly taken: number
  readonly rejected: Counts
  readonly promptTokens: number
  readonly answerTokens: number
  /** Entries whose tokens the server did not tell. */
  readonly withoutUsage: number
}

const nothing: Tally = { taken: 0, rejected: {}, promptTokens: 0, answerTokens: 0, withoutUsage: 0 }

function counted(tally: Tally, entry: JournalEntry): Tally {
  const { usage } = entry
  return {
    taken: tally.taken + Number(!isRejected(entry)),
    rejected: isRejected(entry) ? oneMore(tally.rejected, entry.rejected) : tally.rejected,
    promptTokens: tally.promptTokens + (usage?.prompt ?? 0),
    answerTokens: tally.answerTokens + (usage?.answer ?? 0),
    withoutUsage: tally.withoutUsage + Number(usage === undefined),
  }
}

export function oneMore(counts: Counts, rejection: Rejection): Counts {
  return { ...counts, [rejection]: (counts[rejection] ?? 0) + 1 }
}

/** A journal that is open for more. */
export interface Journal {
  /** All that it had when it was opened, and what was added since. */
  tally(): Tally
  /** What was taken under a key, in the order in which it came. */
  taken(key: string): readonly Annotation[]
  /** Durable when it resolves: answers cost money. */
  add(entry: JournalEntry): Promise<void>
  close(): Promise<void>
}

/**
 * Opens a journal, or begins one. What a death left torn at its end goes.
 *
 * @throws PocketPhiError `out-of-memory` for a full disk, here and when an entry is added
 */
export async function openJournal(file: string): Promise<Journal> {
  const entries = await readJsonLines(file, takeEntry)
  const taken = Map.groupBy(
    entries.flatMap((entry) => (isRejected(entry) ? [] : [entry])),
    ({ key }) => key,
  )
  const log = await openJsonLines(file, entries)
  let tally = entries.reduce(counted, nothing)
  return {
    tally: () => tally,
    taken: (key) => taken.get(key) ?? [],
    async add(entry) {
      await log.append(entry)
      await log.sync()
      tally = counted(tally, entry)
      if (!isRejected(entry)) taken.set(entry.key, [...(taken.get(entry.key) ?? []), entry])
    },
    close: () => log.close(),
  }
}
