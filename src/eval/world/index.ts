/** The frozen evaluation of the closed world: rows, their rules, scores and overlap with training text. */
export { buildEvaluation, evaluationSeed } from './build.ts'
export { measureOverlap, type Overlap } from './overlap.ts'
export { formatRows, parseRows } from './rows.ts'
export { abstains, lastNumber, messagesOf, refuses, scoreAnswer } from './score.ts'
export {
  evaluate,
  formatSummary,
  summarise,
  wilsonInterval,
  type AbstentionTable,
  type KindScore,
  type Summary,
} from './summary.ts'
export type { Answerer, Check, EvaluationRow, ScoredRow, Verdict } from './types.ts'
