/** Gives every document its places on the two scales of educational value. */
import { annotateByRules } from '../education/rules.ts'
import { highestScore } from '../education/annotation.ts'
import type { StageSettings } from '../recipe.ts'
import type { DocumentStage } from './step.ts'

const scale = { low: 0, high: highestScore }

export const educationStage: DocumentStage<StageSettings['education']> = {
  version: 2,
  scales: { 'educational value': scale, 'reasoning against facts': scale },
  prepare:
    ({ least }) =>
    (document) => {
      const { education, reasoning } = annotateByRules(document)
      const notes = {
        values: { 'educational value': education.score, 'reasoning against facts': reasoning.score },
        detail: `education ${education.score.toFixed(2)}: ${education.reason}; reasoning ${reasoning.score.toFixed(2)}: ${reasoning.reason}`,
      }
      return education.score < least
        ? { dropped: 'little educational value', notes }
        : { kept: { ...document, education: education.score, reasoning: reasoning.score }, notes }
    },
}
