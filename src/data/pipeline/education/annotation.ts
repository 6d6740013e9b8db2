/** Educational value on two scales, as whoever judged a document gave it. */
import type { DataDocument } from '../document.ts'

/** A place on a scale from 0 to 5, and what it rests on. */
export interface Judgement {
  readonly score: number
  readonly reason: string
}

/**
 * The two scales: how well a document teaches (the additive scale of FineWeb-Edu, Penedo et al., 2024), and how much of what it teaches is
 * reasoning rather than facts to remember, which is what the data of Phi-3 were chosen for (Abdin et al., 2024, section 2).
 */
export const axes = ['education', 'reasoning'] as const
export type Axis = (typeof axes)[number]
export type Annotation = Readonly<Record<Axis, Judgement>>

export const highestScore = 5

/** What rules see instead of a model. */
export type Annotator = (document: Pick<DataDocument, 'text'>) => Annotation

/** Characters of a document that are judged: its beginning, about a thousand tokens. */
const excerptLength = 4000

/** What is judged of a document: the beginning of its text, up to the end of a word. */
export function excerptOf(text: string): string {
  if (text.length <= excerptLength) return text.trim()
  const start = text.slice(0, excerptLength)
  const end = start.search(/\s\S*$/)
  // Scripts without spaces are cut between characters, but not within a pair of surrogates.
  return (end > excerptLength / 2 ? start.slice(0, end) : start.replace(/[\uD800-\uDBFF]$/, '')).trim()
}
