/** What a search finds, and who searches. */

/** A part of a document, short enough to stand in a prompt beside others. */
export interface Passage {
  /** Of the document, and of the part where it has a heading. One line. */
  readonly title: string
  /** Where to read on: a URL, or the path of a file. One line. */
  readonly address: string
  readonly text: string
}

/** A passage of strangers: title and address without what could pass for another line, or for an order to a terminal. */
export function passageOf({ title, address, text }: Passage): Passage {
  return { title: oneLine(title), address: oneLine(address), text: text.replaceAll(/[^\P{Cc}\n\t]/gu, '').trim() }
}

function oneLine(text: string): string {
  return text
    .slice(0, 500)
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
}

/** How to look for passages. */
export interface FindOptions {
  /** Passages, at most. */
  readonly count: number
  readonly signal?: AbortSignal | undefined
}

/** An index, or a search engine on the web. */
export interface SearchProvider {
  /** As people know it. */
  readonly name: string
  /** Whether a query stays on this machine. */
  readonly isLocal: boolean
  /**
   * What says something about a query, the best first; nothing where nothing does.
   * @throws PocketPhiError `network`, `no-access`, `not-supported`, `invalid-file`, `aborted`
   */
  find(query: string, options: FindOptions): Promise<readonly Passage[]>
  /** Lets go of what it holds; nothing is looked for afterwards. */
  close(): Promise<void>
}
