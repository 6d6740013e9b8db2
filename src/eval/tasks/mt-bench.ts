/**
 * MT-Bench (arXiv 2306.05685): eighty conversations of two turns in eight categories, each answer rated from 1 to 10 by a judge that sees it
 * alone. The rules are those of FastChat's `llm_judge`; what the judge is told is in words of our own.
 */
import type { Message } from '../../endpoint/chat.ts'
import { entryOf, optionalTexts, textOf, textsOf } from './row.ts'
import type { JudgedItem, JudgedTask } from './types.ts'

/** How freely each category is answered. */
const temperatures = new Map([
  ['writing', 0.7],
  ['roleplay', 0.7],
  ['extraction', 0],
  ['math', 0],
  ['coding', 0],
  ['reasoning', 0],
  ['stem', 0.1],
  ['humanities', 0.1],
])

/** The best rating; the least is 1. */
const mostPoints = 10

const form =
  `Explain your judgement in a few sentences first. Then end with the rating on a line of its own: a number from 1 (of no use) to ${mostPoints} ` +
  '(could not be better) between double square brackets, for example [[5]].'

const criteria =
  'Ask how far it helps with what the user wants, whether it is correct and to the point, and whether it is as deep, creative and detailed as ' +
  'the request calls for. Length alone is no merit.'

const comparison =
  'A reference answer is given, which you may take as correct. Compare the answer with it before anything else, name the mistakes that you find, ' +
  'and rate by how correct and helpful the answer is.'

const section = (title: string, text: string): string => `=== ${title} ===\n${text.trim()}`

/** The texts of a conversation up to a turn, under the titles of who speaks. */
function conversation(
  turns: readonly string[],
  answers: readonly string[],
  turn: number,
  [asks, says]: readonly [string, string],
): string[] {
  const numbered = (title: string, index: number): string => (turn === 0 ? title : `${title} ${index + 1}`)
  return turns
    .slice(0, turn + 1)
    .flatMap((text, index) => [
      section(numbered(asks, index), text),
      section(numbered(says, index), answers[index] ?? ''),
    ])
}

function grading({ turns, references }: JudgedItem, answers: readonly string[], turn: number): readonly Message[] {
  const what =
    turn === 0
      ? "Judge, without taking sides, an assistant's answer to a user."
      : `Judge, without taking sides, an assistant's last answer to a user, answer ${turn + 1} of the conversation below; what was said before it is there to understand it.`
  const isReferred = references.length > turn
  const content = [
    [what, isReferred ? comparison : criteria, form].join(' '),
    ...(isReferred ? conversation(turns, references, turn, ['User', 'Reference answer']) : []),
    ...conversation(turns, answers, turn, ['User', 'Assistant']),
    '=== End ===',
  ].join('\n\n')
  return [{ role: 'user', content }]
}

/** The first number in double brackets; where there is none, in single ones. */
function rating(said: string): number | undefined {
  const found = /\[\[(\d+(?:\.\d+)?)\]\]/.exec(said) ?? /\[(\d+(?:\.\d+)?)\]/.exec(said)
  const points = Number(found?.[1])
  return points >= 1 && points <= mostPoints ? points / mostPoints : undefined
}

/** Fields: `id`, `category`, `turns`, and `reference` with an answer to each turn where there are such. */
export const mtBench: JudgedTask = {
  kind: 'judged',
  name: 'mt-bench',
  title: 'MT-Bench',
  folder: 'mt-bench',
  shots: 0,
  points: mostPoints,
  byGroup: true,
  maxTokens: 1024,
  temperature: ({ group }) => temperatures.get(group) ?? 0,
  read: (row) => {
    entryOf(row, 'category', temperatures)
    const references = optionalTexts(row, 'reference')
    return {
      id: textOf(row, 'id'),
      group: textOf(row, 'category'),
      solved: '',
      turns: textsOf(row, 'turns'),
      references,
    }
  },
  grading,
  rating,
}
