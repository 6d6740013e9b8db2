/** What a stage is to a document. */
import type { DataDocument } from '../document.ts'
import type { Notes, Scale } from '../report.ts'

/** What becomes of a document: it goes on, perhaps changed, or it is dropped for a reason. */
export type Outcome = (
  | { readonly kept: DataDocument }
  /** The reason in a few words, the same for all documents that are dropped for it. */
  | { readonly dropped: string }
) & { readonly notes?: Notes }

/** Depends on nothing but the document, so that shards can be done in any order. */
export type Step = (document: DataDocument) => Outcome

/** A stage that looks at one document at a time. */
export interface DocumentStage<Settings> {
  /** Counted up when the same documents and settings would give something else than before. */
  readonly version: number
  /** Of the values that its steps note. */
  readonly scales?: Readonly<Record<string, Scale>>
  /** Makes what the documents of a shard go through. */
  prepare(settings: Settings): Promise<Step> | Step
}
