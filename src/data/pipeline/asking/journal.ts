/** Every answer of a model, kept in a file as it comes: what was taken need not be asked again, and what was paid for is counted. */
import type { Usage } from '../../../endpoint/chat.ts'
import { openJsonLines, readJsonLines } from '../../../formats/json-lines.ts'
import { isJsonObject, type JsonObject } from '../../../formats/json.ts'
import type { Rejected } from './answer.ts'

interface Entry {
  /** Of all that decides the answer: prompt, text in it, model. */
  readonly key: string
  /** Missing where the server does not say, or did not answer in time. */
  readonly usage?: Usage | undefined
}

type TakenEntry<Value> = Entry & Value
type RejectedEntry = Entry & Rejected
type JournalEntry<Value> = TakenEntry<Value> | RejectedEntry

const isRejected = <Value extends object>(entry: JournalEntry<Value>): entry is RejectedEntry => 'rejected' in entry

/** By reason. */
export type Counts = Readonly<Record<string, number>>

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

function counted<Value extends object>(tally: Tally, entry: JournalEntry<Value>): Tally {
  const { usage } = entry
  return {
    taken: tally.taken + Number(!isRejected(entry)),
    rejected: isRejected(entry) ? oneMore(tally.rejected, entry.rejected) : tally.rejected,
    promptTokens: tally.promptTokens + (usage?.prompt ?? 0),
    answerTokens: tally.answerTokens + (usage?.answer ?? 0),
    withoutUsage: tally.withoutUsage + Number(usage === undefined),
  }
}

export function oneMore(counts: Counts, reason: string): Counts {
  return { ...counts, [reason]: (counts[reason] ?? 0) + 1 }
}

/** A journal that is open for more. */
export interface Journal<Value extends object> {
  /** All that it had when it was opened, and what was added since. */
  tally(): Tally
  /** What was taken under a key, in the order in which it came. */
  taken(key: string): readonly Value[]
  /** Durable when it resolves: answers cost money. */
  add(entry: JournalEntry<Value>): Promise<void>
  close(): Promise<void>
}

/**
 * Opens a journal, or begins one, in a folder that is locked. What a death left torn at its end goes.
 *
 * @param isValue whether an entry of the file holds what is taken from answers
 * @throws PocketPhiError `out-of-memory` for a full disk, here and when an entry is added
 */
export async function openJournal<Value extends object>(
  file: string,
  isValue: (fields: JsonObject) => boolean,
): Promise<Journal<Value>> {
  const takeEntry = (value: unknown): JournalEntry<Value> | undefined => {
    if (!isJsonObject(value) || typeof value['key'] !== 'string') return undefined
    const isEntry = typeof value['rejected'] === 'string' || isValue(value)
    return isEntry ? (value as unknown as JournalEntry<Value>) : undefined
  }
  const entries = await readJsonLines(file, takeEntry)
  const taken = Map.groupBy(
    entries.flatMap((entry) => (isRejected(entry) ? [] : [entry])),
    ({ key }) => key,
  )
  const log = await openJsonLines(file, entries)
  let tally = entries.reduce<Tally>(counted, nothing)
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
