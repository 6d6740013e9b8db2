/** What the worker that reads and searches documents is asked, and answers. */
import type { Passage } from 'pocket-phi/search'
import type { Call } from 'pocket-phi/worker'

/** A document that is kept, as the list shows it. */
export interface KeptDocument {
  /** Its name, with its folders where it came with them. */
  readonly name: string
  /** Another one for every content that is kept under this name. */
  readonly version: string
  readonly passages: number
  /** Bytes that its passages take. */
  readonly room: number
  /** What in it gave no passages: how often, by the reason. */
  readonly skipped: readonly (readonly [string, number])[]
}

/** The passages of a document. */
export interface KeptPassages {
  readonly name: string
  readonly passages: readonly Passage[]
}

export interface DocumentCalls {
  readonly add: Call<{ readonly name: string; readonly file: Blob }, KeptDocument>
  readonly find: Call<{ readonly query: string; readonly count: number }, readonly Passage[]>
}
