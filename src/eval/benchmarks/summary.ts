/** What the answers to a task add up to. */
import { present } from '../../base/errors.ts'
import type { Task, TaskItem } from '../tasks/types.ts'
import type { AnswerRecord } from './answers.ts'
import type { TaskRows } from './rows.ts'

/** A mean of scores from 0 to 1. */
export interface Measured {
  readonly mean: number
  /** Of the mean (s / sqrt n, s with n - 1); undefined for a single question. */
  readonly standardError: number | undefined
}

export interface TaskSummary {
  readonly task: string
  readonly title: string
  readonly questions: number
  /** By measure; the first is the one that tables show. */
  readonly scores: Readonly<Record<string, Measured>>
  /** What guessing gets; undefined where an answer is written. */
  readonly chance: number | undefined
  /** Examples that there were, and that the report has. */
  readonly shots: number
  readonly shotsOfReport: number
  /** Prompts with fewer examples than there were, since they exceeded the context. */
  readonly fewerShots: number
  /** Prompts of which text was cut from the left as well. */
  readonly cut: number
  /** Questions that there was no room for; they count as wrong, of conversations not at all. */
  readonly unanswered: number
  /** Rows that have no question of this kind. */
  readonly leftOut: number
  /** What a full score is in tables, where that is not 100. */
  readonly points?: number
  /** The first measure by group, of tasks whose groups tables tell apart. */
  readonly groups?: Readonly<Record<string, Measured>>
  /** Of answers that were rated by a model. */
  readonly judgements?: Judgements
}

export interface Judgements {
  readonly judge: string
  /** Answers that were judged. */
  readonly answers: number
  /** What was said without a rating, and asked again. */
  readonly malformed: number
  /** Answers that have no rating after all attempts; their conversations do not count. */
  readonly unrated: number
}

export function measured(values: readonly number[]): Measured {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  if (values.length < 2) return { mean, standardError: undefined }
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, standardError: Math.sqrt(squares / (values.length - 1) / values.length) }
}

/** @param records one for each question; those without a score have no part in the means */
export function summariseTask(task: Task, rows: TaskRows, records: readonly AnswerRecord[]): TaskSummary {
  const shotsOf = (group: string): number => rows.fewShots.get(group)?.shots.length ?? 0
  const measures = [...new Set(records.flatMap(({ scores }) => Object.keys(scores)))]
  const [first] = measures
  const values = (name: string, among: readonly AnswerRecord[]): number[] =>
    among.flatMap(({ scores }) => scores[name] ?? [])
  const chances = rows.items.flatMap((item) => chanceOf(item) ?? [])
  return {
    task: task.name,
    title: task.title,
    questions: records.length,
    scores: {
      ...Object.fromEntries(measures.map((name) => [name, measured(values(name, records))])),
      ...overallOf(task, records),
    },
    chance: chances.length === 0 || chances.length < rows.items.length ? undefined : measured(chances).mean,
    shots: Math.max(0, ...records.map(({ group }) => shotsOf(group))),
    shotsOfReport: task.shots,
    fewerShots: records.filter(({ group, shots }) => shots < shotsOf(group)).length,
    cut: records.filter(({ cutTokens }) => cutTokens > 0).length,
    unanswered: records.filter(({ unanswered }) => unanswered !== undefined).length,
    leftOut: rows.leftOut,
    ...(task.points !== undefined && { points: task.points }),
    ...(task.byGroup === true && first !== undefined && { groups: groupsOf(records, (among) => values(first, among)) }),
    ...(records.some(({ judgements = [] }) => judgements.length > 0) && { judgements: judgementsIn(records) }),
  }
}

/** Measures that are no means have no standard error. */
function overallOf(task: Task, records: readonly AnswerRecord[]): Readonly<Record<string, Measured>> {
  const overall = task.kind === 'picture' ? task.overall?.(records.map(({ scores }) => scores)) : undefined
  return Object.fromEntries(
    Object.entries(overall ?? {}).map(([name, mean]) => [name, { mean, standardError: undefined }]),
  )
}

function groupsOf(
  records: readonly AnswerRecord[],
  values: (among: readonly AnswerRecord[]) => readonly number[],
): Readonly<Record<string, Measured>> {
  const groups = Map.groupBy(records, ({ group }) => group)
  return Object.fromEntries(
    [...groups].flatMap(([group, among]) => {
      const found = values(among)
      return found.length === 0 ? [] : [[group, measured(found)]]
    }),
  )
}

function judgementsIn(records: readonly AnswerRecord[]): Judgements {
  const all = records.flatMap(({ judgements = [] }) => judgements)
  const unrated = all.filter(({ rating }) => rating === undefined).length
  const said = all.reduce((sum, judgement) => sum + judgement.said.length, 0)
  return {
    judge: present(all[0], 'judgement').judge,
    answers: all.length,
    malformed: said - (all.length - unrated),
    unrated,
  }
}

/** What guessing among the options gets; undefined where there are none. */
function chanceOf(item: TaskItem): number | undefined {
  if ('options' in item) return item.truths.length / item.options.length
  return 'pictures' in item && item.choices.length > 0 ? 1 / item.choices.length : undefined
}
