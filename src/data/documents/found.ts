/** What is found in files. */

/** What a source gives before it is named. */
export interface RawDocument {
  readonly url?: string
  readonly title?: string
  /** What `text` is: a page as it was served, or plain text. */
  readonly format: 'html' | 'text'
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
