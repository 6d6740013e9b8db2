import { Random } from '../../../base/random.ts'
import type { Exchange, WorldKind } from '../types.ts'
import {
  drawComposed,
  drawEquation,
  drawNumberComparison,
  drawScene,
  drawWordProblem,
  trainingSplits,
  type Problem,
  type ProblemSplits,
} from './arithmetic-draw.ts'

/** Any problem: three word problems to two plain equations, and some comparisons. */
export function drawProblem(random: Random, splits: ProblemSplits = trainingSplits): Problem {
  const chance = random.float()
  if (splits === trainingSplits) {
    if (chance < 0.12) return drawScene(random)
    if (chance < 0.36) return drawComposed(random)
  }
  if (chance < 0.6) return drawWordProblem(random, splits)
  if (chance < 0.95) return drawEquation(random, splits)
  return drawNumberComparison(random, splits)
}

/** Word problems whose names, nouns and numbers never occur in training; the wordings are those of training. */
export function drawArithmeticQuestions(seed: number, count: number): { question: string; answer: number }[] {
  const random = new Random(seed).fork('held-out arithmetic')
  const seen = new Set<string>()
  const questions: { question: string; answer: number }[] = []
  while (questions.length < count) {
    const problem = drawWordProblem(random, { words: 'heldOut', numbers: 'heldOut', wordings: 'training' })
    if (seen.has(problem.question)) continue
    seen.add(problem.question)
    questions.push({ question: problem.question, answer: problem.result })
  }
  return questions
}

const labels = [
  ['Question: ', 'Answer: '],
  ['Problem: ', 'Solution: '],
  ['', ''],
  ['', ''],
] as const

const openings = [
  '',
  '',
  '',
  'Let us do some sums.\n',
  'Here are some number problems.\n',
  'Let us practise with numbers.\n',
]

export const arithmeticKind: WorldKind = {
  name: 'arithmetic',
  documentWeight: 25,
  conversationWeight: 26,

  document(random) {
    const [ask, reply] = random.pick(labels)
    const between = ask === '' ? '\n\n' : '\n'
    const onlyEquations = random.float() < 0.25
    const count = random.integer(2, onlyEquations ? 6 : 4)
    const parts = Array.from({ length: count }, () => {
      const problem = onlyEquations ? drawEquation(random) : drawProblem(random)
      return `${ask}${problem.question}\n${reply}${problem.answer}`
    })
    return random.pick(openings) + parts.join(between)
  },

  exchanges(random, turns) {
    return Array.from({ length: turns }, (): Exchange => {
      const problem = drawProblem(random)
      return { question: roughenProblem(random, problem.question), answer: problem.answer }
    })
  },
}

/** Typing habits that leave the problem itself alone. */
function roughenProblem(random: Random, question: string): string {
  const chance = random.float()
  if (chance < 0.03) return question.replace(/\?$/, '')
  if (chance < 0.06) return `${question} Show your work.`
  if (chance < 0.09) return `Please help me with this. ${question}`
  if (chance < 0.11)
    return question.replaceAll('. ', ', ').toLowerCase() === question ? question : `Solve this: ${question}`
  return question
}
