/** What travels through the pipeline. */
import type { RawDocument } from '../documents/found.ts'

/** One document: a line of a stage's shard. Later stages add fields; none is removed. */
export interface DataDocument {
  /** Source, file and number within it: the same whenever the same files are read. */
  readonly id: string
  /** The name that its source has in the recipe. */
  readonly source: string
  readonly url?: string
  readonly title?: string
  /** What `text` is: a page as it was served, or plain text. */
  readonly format: RawDocument['format']
  readonly text: string
  /** ISO 639-1. */
  readonly language?: string
  /** Educational value, from 0 to 5. */
  readonly education?: number
  /** How much of what it teaches is reasoning rather than facts to remember, from 0 to 5. */
  readonly reasoning?: number
}
