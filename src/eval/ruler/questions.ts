/** Questions about one or a few documents among many. */
import { present } from '../../base/errors.ts'
import { textOf, textsOf, type Row } from '../tasks/row.ts'
import type { RulerKind } from './kinds.ts'

interface Question {
  readonly question: string
  readonly answers: readonly string[]
  /** The documents that the answer is in. */
  readonly passages: readonly string[]
}

/** Fields: `question`, `answers` (any of which counts), `passages`. */
function questionOf(row: Row): Question {
  return { question: textOf(row, 'question'), answers: textsOf(row, 'answers'), passages: textsOf(row, 'passages') }
}

/**
 * The units are documents beside those with the answer: passages of other questions.
 *
 * @throws PocketPhiError `invalid-file` for a row that cannot be used
 */
export function questionKind(name: string, rows: readonly Row[]): RulerKind {
  const questions = rows.map(questionOf)
  const all = [...new Set(questions.flatMap(({ passages }) => passages))]
  return {
    name,
    maxTokens: 32,
    fewest: 0,
    most: all.length - Math.max(0, ...questions.map(({ passages }) => passages.length)),
    build(units, random, { index }) {
      const { question, answers, passages } = present(questions[index % questions.length], 'question')
      const others = random.shuffle(all.filter((passage) => !passages.includes(passage))).slice(0, units)
      const documents = random
        .shuffle([...passages, ...others])
        .map((passage, place) => `Document ${place + 1}:\n${passage.trim()}`)
      const prompt =
        `Answer the question from the documents that follow. Give the answer alone, without other words.\n\n${documents.join('\n\n')}\n\n` +
        `Question: ${question.trim()}\nAnswer:`
      return { prompt, answers }
    },
  }
}
