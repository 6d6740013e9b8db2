/** Files of annotations as what classifiers learn from. */
import { crc32 } from 'node:zlib'
import { z } from 'zod'
import { PocketPhiError } from '../../../../base/errors.ts'
import { readJsonLines } from '../../../conversations/json-lines.ts'
import { axes, highestScore, type Axis } from '../annotation.ts'
import { meanError, rankCorrelation } from './quality.ts'
import type { Classifier } from './classifier.ts'
import type { Lesson } from './train.ts'

const judgementSchema = z.object({ score: z.number().min(0).max(highestScore) })
const rowSchema = z.object({
  text: z.string(),
  annotator: z.string(),
  education: judgementSchema,
  reasoning: judgementSchema,
})

export interface Lessons {
  /** Who annotated, separated by commas where there are several. */
  readonly annotator: string
  readonly training: readonly Lesson[]
  /** Those that classifiers are measured with; the text decides. */
  readonly heldOut: readonly Lesson[]
}

/**
 * What `phi data annotate` wrote, each text once.
 *
 * @param share of the texts that are held out
 * @throws PocketPhiError `not-found`; `invalid-file` naming the line that is no annotation
 */
export async function readLessons(files: readonly string[], share: number): Promise<Lessons> {
  const annotators = new Set<string>()
  const lessons = new Map<string, Lesson>()
  for (const file of files) {
    for (const { place, fields } of await readJsonLines(file)) {
      const { data, error } = rowSchema.safeParse(fields)
      if (data === undefined) {
        const [issue] = error.issues
        throw new PocketPhiError('invalid-file', `${place}, is no annotation.`, {
          expected: 'a line that phi data annotate wrote',
          found: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
        })
      }
      annotators.add(data.annotator)
      lessons.set(data.text, { text: data.text, education: data.education.score, reasoning: data.reasoning.score })
    }
  }
  const isHeldOut = ({ text }: Lesson): boolean => crc32(text) < share * 2 ** 32
  const all = [...lessons.values()]
  return {
    annotator: [...annotators].sort().join(', '),
    training: all.filter((lesson) => !isHeldOut(lesson)),
    heldOut: all.filter(isHeldOut),
  }
}

/** How a classifier agrees with annotations that it has not seen. */
export interface Agreement {
  /** Spearman's. */
  readonly rankCorrelation: number
  /** Mean distance, in points of the scale. */
  readonly meanError: number
}

export function agreementOf(classifier: Classifier, lessons: readonly Lesson[]): Record<Axis, Agreement> {
  const scores = lessons.map(({ text }) => classifier.score(text))
  const agreements = axes.map((axis): [Axis, Agreement] => {
    const [found, annotated] = [scores.map((score) => score[axis]), lessons.map((lesson) => lesson[axis])]
    return [axis, { rankCorrelation: rankCorrelation(found, annotated), meanError: meanError(found, annotated) }]
  })
  return Object.fromEntries(agreements) as Record<Axis, Agreement>
}
