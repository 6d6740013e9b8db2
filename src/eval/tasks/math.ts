/** MATH: problems of competitions, solved in LaTeX with the result in a box (arXiv 2103.03874). */
import { PocketPhiError } from '../../base/errors.ts'
import { isSameLatex, lastBoxed } from './latex.ts'
import { textOf } from './row.ts'
import type { GenerationTask } from './types.ts'

/** The box, else what stands in display, else what is between the first and the last dollar, else all. */
function resultOf(answer: string): string {
  const boxed = lastBoxed(answer)
  if (boxed !== undefined) return boxed
  const display = /\\\[([^]+?)\\\]/.exec(answer)?.[1]
  if (display !== undefined) return display.trim()
  const [first, last] = [answer.indexOf('$'), answer.lastIndexOf('$')]
  return first < last ? answer.slice(first + 1, last) : answer
}

/** Fields: `id`, `problem`, `solution` with the result in `\boxed{}`. */
export const math: GenerationTask = {
  kind: 'generation',
  name: 'math',
  title: 'MATH',
  folder: 'math',
  shots: 0,
  maxTokens: 512,
  stop: ['Problem:'],
  read: (row) => {
    const question = `Problem: ${textOf(row, 'problem').trim()}\nAnswer:`
    const solution = textOf(row, 'solution').trim()
    const result = lastBoxed(solution)
    if (result === undefined) {
      throw new PocketPhiError('invalid-file', `The field "solution" of ${row.place} cannot be used.`, {
        expected: 'a result in \\boxed{}',
        found: solution.slice(-80),
      })
    }
    return { id: textOf(row, 'id'), group: '', question, answers: [result], solved: `${question} ${solution}` }
  },
  score: ({ answers: [result = ''] }, answer) => ({ exact_match: isSameLatex(resultOf(answer), result) ? 1 : 0 }),
}
