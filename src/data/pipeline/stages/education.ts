/** Gives every document its places on the two scales of educational value. */
import { axes, highestScore, type Axis } from '../education/annotation.ts'
import { readClassifier } from '../education/classifier/classifier.ts'
import { annotateByRules } from '../education/rules.ts'
import type { StageSettings } from '../recipe.ts'
import type { DocumentStage } from './step.ts'

const names: Readonly<Record<Axis, string>> = {
  education: 'educational value',
  reasoning: 'reasoning against facts',
}
const scale = { low: 0, high: highestScore }

interface Scored {
  readonly scores: Readonly<Record<Axis, number>>
  /** What they rest on, where that can be said. */
  readonly reasons?: Readonly<Record<Axis, string>>
}

type Scorer = (text: string) => Scored

const scoreByRules: Scorer = (text) => {
  const { education, reasoning } = annotateByRules({ text })
  return {
    scores: { education: education.score, reasoning: reasoning.score },
    reasons: { education: education.reason, reasoning: reasoning.reason },
  }
}

/** Of the classifier that a thread had last: shards follow each other with the same one. */
let last: { readonly file: string; readonly scorer: Promise<Scorer> } | undefined

async function scorerOf(file: string): Promise<Scorer> {
  const classifier = await readClassifier(file)
  return (text) => ({ scores: classifier.score(text) })
}

const detailOf = ({ scores, reasons }: Scored): string =>
  axes
    .map((axis) => `${axis} ${scores[axis].toFixed(2)}${reasons === undefined ? '' : ` (${reasons[axis]})`}`)
    .join(', ')

export const educationStage: DocumentStage<StageSettings['education']> = {
  version: 2,
  scales: Object.fromEntries(axes.map((axis) => [names[axis], scale])),
  async prepare({ classifier, least }) {
    if (classifier !== undefined && last?.file !== classifier) last = { file: classifier, scorer: scorerOf(classifier) }
    const scorer = classifier === undefined ? scoreByRules : await last?.scorer
    if (scorer === undefined) throw new Error('defect: no scorer')
    return (document) => {
      const scored = scorer(document.text)
      const [education, reasoning] = [scored.scores.education, scored.scores.reasoning].map(rounded) as [number, number]
      const values = { [names.education]: education, [names.reasoning]: reasoning }
      const notes = { values, detail: detailOf(scored) }
      return education < least
        ? { dropped: 'little educational value', notes }
        : { kept: { ...document, education, reasoning }, notes }
    }
  },
}

/** Fine enough to order documents, and short in a file. */
const rounded = (score: number): number => Math.round(1e4 * score) / 1e4
