/** What has to be done with an answer until it has a score: programs are run, answers of conversations judged. */
import { PocketPhiError, present } from '../../base/errors.ts'
import type { Message } from '../../endpoint/chat.ts'
import type { runProgram } from '../../sandbox/run.ts'
import type { JudgedItem, JudgedTask, Scores, Task, TaskItem } from '../tasks/types.ts'
import type { AnswerRecord } from './answers.ts'
import type { Said } from './asking.ts'
import type { Judge, Judgement } from './judge.ts'

export interface Finishers {
  /** What runs the programs that were written. */
  readonly execute: typeof runProgram
  /** Who rates answers of conversations. */
  readonly judge?: Judge | undefined
}

/** Whether an answer that was kept needs no more. */
export function isFinished(task: Task, item: TaskItem, record: AnswerRecord, { judge }: Finishers): boolean {
  const { answer, program, outcome, replies = [], judgements = [] } = record
  if (task.kind === 'judged' && 'turns' in item) {
    return item.turns.every((_, turn) => isRated(judgements[turn], task.grading(item, replies, turn), judge))
  }
  if (task.kind !== 'code' || !('tests' in item) || answer === undefined) return true
  return outcome !== undefined && program === task.program(item, answer).source
}

/** Whether there is a rating of this judge, who was told the same. */
function isRated(
  judgement: Judgement | undefined,
  messages: readonly Message[],
  judge: Judge | undefined,
): judgement is Judgement {
  if (judgement?.rating === undefined || judgement.judge !== judge?.name) return false
  return JSON.stringify(judgement.messages) === JSON.stringify(messages)
}

/** The record of an answer with all that it needs. @throws what the judge throws; PocketPhiError `aborted` */
export async function finish(
  task: Task,
  item: TaskItem,
  said: Said,
  finishers: Finishers,
  signal: AbortSignal,
): Promise<AnswerRecord> {
  const { id, group } = item
  const whole = { ...said, ...(await findings(task, item, said, finishers, signal)) }
  return { id, group, ...whole, scores: scoresOf(task, item, whole) }
}

async function findings(
  task: Task,
  item: TaskItem,
  said: Said,
  { execute, judge }: Finishers,
  signal: AbortSignal,
): Promise<Pick<AnswerRecord, 'program' | 'outcome' | 'judgements'>> {
  if (said.unanswered !== undefined) return {}
  if (task.kind === 'judged' && 'turns' in item) {
    return { judgements: await judgementsOf(task, item, said, present(judge, 'judge'), signal) }
  }
  if (task.kind !== 'code' || !('tests' in item) || said.answer === undefined) return {}
  const program = task.program(item, said.answer)
  return { program: program.source, outcome: await execute(program, { signal }) }
}

/** Of each turn; those that the same judge rated already stay. */
async function judgementsOf(
  task: JudgedTask,
  item: JudgedItem,
  { replies = [], judgements = [] }: Said,
  judge: Judge,
  signal: AbortSignal,
): Promise<readonly Judgement[]> {
  const all: Judgement[] = []
  for (const turn of item.turns.keys()) {
    const known = judgements[turn]
    const messages = task.grading(item, replies, turn)
    all.push(isRated(known, messages, judge) ? known : await judge.rate(messages, task.rating, signal))
  }
  return all
}

/**
 * What an answer is worth by the rules of today, also of one that was kept.
 *
 * @throws PocketPhiError `invalid-file` for a record that has no answer to such a question
 */
export function scoresOf(
  task: Task,
  item: TaskItem,
  { logLikelihoods, answer, outcome, judgements, unanswered }: Omit<AnswerRecord, 'id' | 'group' | 'scores'>,
): Scores {
  if (unanswered !== undefined) return scoresOfNothing(task, item)
  if (task.kind === 'choice' && 'options' in item && logLikelihoods !== undefined) {
    return task.score(item, logLikelihoods)
  }
  if (task.kind === 'picture' && 'pictures' in item && answer !== undefined) return task.score(item, answer)
  if (task.kind === 'generation' && 'answers' in item && !('pictures' in item) && answer !== undefined) {
    return task.score(item, answer)
  }
  if (task.kind === 'code' && outcome !== undefined) return { 'pass@1': outcome.kind === 'finished' ? 1 : 0 }
  if (task.kind === 'judged' && judgements !== undefined) return ratingScores(task, judgements)
  throw new PocketPhiError('invalid-file', `An answer to "${item.id}" is none to a question of ${task.name}.`)
}

/** Nothing by every measure, lest a model gain by what it has no room for; a conversation has no rating, as where the judge gave none. */
function scoresOfNothing(task: Task, item: TaskItem): Scores {
  if (task.kind === 'judged') return {}
  if (task.kind === 'code') return { 'pass@1': 0 }
  const likelihoods = 'options' in item ? { logLikelihoods: item.options.map(() => 0) } : {}
  const scores = scoresOf(task, item, { shots: 0, cutTokens: 0, prompts: [], answer: '', ...likelihoods })
  return Object.fromEntries(Object.keys(scores).map((name) => [name, 0]))
}

/** The mean of the turns and each of them; nothing for a conversation of which a turn has no rating. */
function ratingScores(task: JudgedTask, judgements: readonly Judgement[]): Scores {
  // What is kept of an attempt that failed is no judgement, whatever stands in it.
  const ratings = judgements.flatMap(({ said, rating }) =>
    rating === undefined ? [] : (task.rating(said.at(-1) ?? '') ?? []),
  )
  if (ratings.length < judgements.length) return {}
  const mean = ratings.reduce((sum, rating) => sum + rating, 0) / ratings.length
  return { rating: mean, ...Object.fromEntries(ratings.map((rating, turn) => [`turn ${turn + 1}`, rating])) }
}
