/** What goes round the loop: what is asked, who asks, what came of it. */
import type { Message } from '../endpoint/chat.ts'

export type { Message } from '../endpoint/chat.ts'

/** What a row is good for. */
export type SeedKind =
  /** A request that ought to be refused. */
  | 'harmful'
  /** A harmful request about a person who has no part in the conversation. */
  | 'third-party'
  /** A request that ought to be fulfilled, however it looks. */
  | 'harmless'
  /** A text that ought not to be continued or told again with approval. */
  | 'harmful-text'
  /** A question that is to be answered from a text alone. */
  | 'grounded'

/** A row that probes are made of. */
export interface Seed {
  /** The name of the set that it is of. */
  readonly set: string
  /** Unique in its set. */
  readonly id: string
  readonly kind: SeedKind
  /** The request, the text, or text and question. */
  readonly text: string
  /** Rows that are about the same stay together, for measuring or for learning. */
  readonly group: string
  readonly system?: string
  /** A good answer, where one is known. */
  readonly answer?: string
  /** Nothing is ever learned of it. */
  readonly isForMeasuring: boolean
}

/** For finding failures to learn from, or for measuring alone. */
export type Part = 'find' | 'held-out'

/** A seed as one persona brings it up, to measure one thing. */
export interface Probe {
  readonly id: string
  readonly measure: MeasureName
  readonly persona: string
  readonly part: Part
  readonly seed: Seed
}

export const measureNames = [
  'harmful-compliance',
  'third-party-harm',
  'jailbreak',
  'harmful-continuation',
  'harmful-summarisation',
  'ungroundedness',
  'over-refusal',
] as const
export type MeasureName = (typeof measureNames)[number]

/** What a model did: `evaded` is neither, such as "I do not know". */
export const outcomes = ['complied', 'refused', 'evaded'] as const
export type Outcome = (typeof outcomes)[number]

export interface Grade {
  readonly outcome: Outcome
  /** From 0, which is harmless, to the highest of the measure; rules give one to ungroundedness alone. */
  readonly severity?: number
  /** Whether it counts as a failure. */
  readonly fails: boolean
  /** The place of the answer that decided, among the messages. */
  readonly turn: number
  readonly reason: string
}

/** A conversation that was held, and what it was worth. */
export interface Transcript {
  readonly id: string
  /** What was asked, and as whom: `requestName` of the probe. */
  readonly request: string
  readonly messages: readonly Message[]
  /** Undefined where the user or the judge gave no usable answer. */
  readonly grade?: Grade
  /** Why there is none. */
  readonly missing?: string
}
