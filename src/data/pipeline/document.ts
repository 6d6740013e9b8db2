/** What travels through the pipeline. */

/** One document: a line of a stage's shard. Later stages add fields; none is removed. */
export interface DataDocument {
  /** Source, file and number within it: the same whenever the same files are read. */
  readonly id: string
  /** The name that its source has in the recipe. */
  readonly source: string
  readonly url?: string
  readonly title?: string
  /** What `text` is: a page as it was served, or plain text. */
  readonly format: 'html' | 'text'
  readonly text: string
  /** ISO 639-1. */
  readonly language?: string
  /** Educational value, from 0 to 5. */
  readonly education?: number
  /** How much of what it teaches is reasoning rather than facts to remember, from 0 to 5. */
  readonly reasoning?: number
}

/** What a source gives before it is named. */
export interface RawDocument {
  readonly url?: string
  readonly title?: string
  readonly format: DataDocument['format']
  readonly text: string
}

/** Something in a source that gave no document. */
export interface Skipped {
  /** A few words that are the same for all of a kind: "damaged", "no text". */
  readonly reason: string
  /** Where it is and what is wrong with it. */
  readonly detail: string
}

/** One finding of a source, in the order of the file. */
export type Found = RawDocument | Skipped

export function isSkipped(found: Found): found is Skipped {
  return 'reason' in found
}
