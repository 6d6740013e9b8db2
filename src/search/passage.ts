/** What a search finds, and who searches. */

/** A part of a document, short enough to stand in a prompt beside others. */
export interface Passage {
  /** Of the document, and of the part where it has a heading. */
  readonly title: string
  /** Where to read on: a URL, or the path of a file. */
  readonly address: string
  readonly text: string
}

export interface FindOptions {
  /** Passages, at most. */
  readonly count: number
  readonly signal?: AbortSignal | undefined
}

/** An index, or a search engine on the web. */
export interface SearchProvider {
  /** As people know it. */
  readonly name: string
  /**
   * What says something about a query, the best first; nothing where nothing does.
   * @throws PocketPhiError `network`, `no-access`, `invalid-file`, `aborted`
   */
  find(query: string, options: FindOptions): Promise<readonly Passage[]>
  close(): Promise<void>
}
