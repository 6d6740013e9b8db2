/** Long documents to search and to measure on. */
import { z } from 'zod'
import { PocketPhiError } from '../base/errors.ts'
import { recallDocument } from '../data/recall/index.ts'
import { document } from '../data/world/index.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { Documents } from './perplexity.ts'

/** Text that is generated in any length. */
export const generatedSources = ['world-documents', 'recall-documents'] as const
export type GeneratedSource = (typeof generatedSources)[number]

/** Generated documents by name. */
export const generatedSchema = z.strictObject({
  source: z.enum(generatedSources),
  /** Documents that the search measures on, and as many others that it does not see. */
  count: z.int().positive(),
  seed: z.int(),
})

/** Documents of one length that a search measures on, and those that tell afterwards what it found. */
export interface DocumentSplit {
  readonly searched: Documents
  readonly heldOut: Documents
}

/** Documents of one world are short: as many as are needed are joined. */
function worldDocument(seed: number, index: number, words: number): string {
  const texts: string[] = []
  for (let [part, count] = [0, 0]; count < words; part++) {
    // Parts of one document lie far from those of the next.
    const { text } = document(seed, index * 100_000 + part)
    texts.push(text)
    count += text.split(/\s+/).length
  }
  return texts.join('\n\n')
}

const writers: Readonly<Record<GeneratedSource, (seed: number, index: number, words: number) => string>> = {
  'world-documents': worldDocument,
  'recall-documents': recallDocument,
}

/** Generated documents of exactly `length` tokens, the first half to search on. */
export function generatedDocuments(
  tokenizer: Tokenizer,
  { source, count, seed }: z.infer<typeof generatedSchema>,
  length: number,
): DocumentSplit {
  const documents = Array.from({ length: 2 * count }, (_, index) =>
    // A word is a token or more.
    tokenizer.encode(writers[source](seed, index, length)).slice(0, length),
  )
  return { searched: documents.slice(0, count), heldOut: documents.slice(count) }
}

/**
 * Pieces of `length` tokens of the texts: the first `count` to search on, and as many from the end that the search does not see.
 *
 * @throws PocketPhiError `invalid-argument` when the texts are too short for it
 */
export function textDocuments(
  tokenizer: Tokenizer,
  texts: readonly string[],
  count: number,
  length: number,
): DocumentSplit {
  const pieces = texts.flatMap((text) => {
    const ids = tokenizer.encode(text)
    return Array.from({ length: Math.floor(ids.length / length) }, (_, piece) =>
      ids.slice(piece * length, (piece + 1) * length),
    )
  })
  if (pieces.length >= 2 * count) return { searched: pieces.slice(0, count), heldOut: pieces.slice(-count) }
  throw new PocketPhiError('invalid-argument', 'There is too little text.', {
    expected: `at least ${2 * count} pieces of ${length} tokens: ${count} to search on, ${count} to measure on`,
    found: `${pieces.length}`,
    remedy: 'Give more or longer texts, or ask for fewer documents.',
  })
}
