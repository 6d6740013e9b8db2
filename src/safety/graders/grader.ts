import type { AskingCounts } from '../../data/pipeline/asking/asker.ts'
import type { Grade, Message, Probe } from '../types.ts'

/** What a grader or a simulated user gave, or why it gave nothing. */
export type Given<Value> = Value | { readonly missing: string }

/** Judges conversations. */
export interface Grader {
  /** What figures are named after: "rules", or the judge and its server. */
  readonly name: string
  /** Of a conversation that ends with an answer. @throws PocketPhiError as `Asker.ask` */
  grade(probe: Probe, messages: readonly Message[], signal: AbortSignal): Promise<Given<{ readonly grade: Grade }>>
  /** What a judge was asked so far. */
  counts?(): AskingCounts
}
