/** The frozen evaluation of the closed world: rows, their rules, scores and overlap with training text. */
export { buildEvaluation, evaluationSeed } from './build.ts'
export { measureOverlap, type Overlap } from './overlap.ts'
export { formatRows, parseRows } from './rows.ts'
export { messagesOf, scoreAnswer } from './score.ts'
export { formatSummary, summarise, type Summary } from './summary.ts'
export type { EvaluationRow, ScoredRow } from './types.ts'
