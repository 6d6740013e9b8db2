/** A sample of documents to be judged: the same whatever the order in which they are read, and each text once. */
import { createHash } from 'node:crypto'
import type { DataDocument } from '../document.ts'
import { excerptOf } from './annotation.ts'

/** A document as far as it is judged. */
export interface SampledDocument {
  readonly id: string
  readonly source: string
  /** The beginning of the text (`excerptOf`). */
  readonly text: string
}

export interface Sample {
  /** In an order of chance that the texts and the seed decide. */
  readonly documents: readonly SampledDocument[]
  /** Documents that it was drawn from. */
  readonly read: number
  /** Documents whose excerpt is that of another one in the sample. */
  readonly duplicates: number
}

/**
 * Draws documents, in memory as for twice the sample.
 *
 * @param count of the sample; all where there are fewer
 */
export async function drawSample(
  documents: AsyncIterable<Pick<DataDocument, 'id' | 'source' | 'text'>>,
  count: number,
  seed: number,
): Promise<Sample> {
  let drawn = new Map<string, { readonly document: SampledDocument; copies: number }>()
  // Of texts that were drawn and left, none can come back: what is left out has a greater hash than all that stay.
  let highest = '~'
  let read = 0
  const trim = (): void => {
    drawn = new Map([...drawn].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, count))
    if (drawn.size === count) highest = [...drawn.keys()].at(-1) ?? highest
  }
  for await (const { id, source, text } of documents) {
    read++
    const excerpt = excerptOf(text)
    const order = createHash('sha256').update(`${seed}\n${excerpt}`).digest('hex')
    if (order > highest || excerpt === '') continue
    const known = drawn.get(order)
    if (known === undefined) drawn.set(order, { document: { id, source, text: excerpt }, copies: 0 })
    else known.copies++
    if (drawn.size >= 2 * count) trim()
  }
  trim()
  const all = [...drawn.values()]
  return {
    documents: all.map(({ document }) => document),
    read,
    duplicates: all.reduce((sum, { copies }) => sum + copies, 0),
  }
}
