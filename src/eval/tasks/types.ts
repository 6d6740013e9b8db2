/** What a benchmark is: how its rows become questions, and how an answer is scored. */
import type { Program } from '../../sandbox/types.ts'
import type { Row } from './row.ts'

/** An option of a question: what it is compared by is the likelihood of ` text` behind `context`. */
export interface Option {
  /** The end of the prompt, behind the examples. Of most tasks it is the same for all options. */
  readonly context: string
  readonly text: string
}

interface Item {
  readonly id: string
  /** Examples are taken from rows of the same group: the subject, the language; empty where there is one group. */
  readonly group: string
  /** The question with its right answer, as an example for others. */
  readonly solved: string
}

/** A question whose options are compared by likelihood. */
export interface ChoiceItem extends Item {
  readonly options: readonly Option[]
  /** Which options are right: at least one of them. */
  readonly truths: readonly number[]
}

/** A question that is answered in text. */
export interface GenerationItem extends Item {
  readonly question: string
  /** What counts as right. */
  readonly answers: readonly string[]
}

/** A question that is answered by a program. */
export interface CodeItem extends Item {
  readonly question: string
  /** An answer that is known to be right. */
  readonly solution: string
  /** What stands behind the answer: it raises something where that is wrong. */
  readonly tests: string
}

/** What an answer is worth by each measure, from 0 to 1; the first measure is the one that tables show. */
export type Scores = Readonly<Record<string, number>>

/** What stands before a question: what the task is about, and solved questions. */
export interface FewShot {
  readonly preamble: string
  readonly shots: readonly string[]
}

interface TaskParts {
  /** What it is called on the command line. */
  readonly name: string
  /** What the report calls it. */
  readonly title: string
  /** The folder of its rows. */
  readonly folder: string
  /** Solved questions before each question, as in the report. */
  readonly shots: number
  /** The examples in the rows that are set apart for them, by group, where they are not solved questions. */
  readonly examples?: (rows: readonly Row[]) => ReadonlyMap<string, FewShot>
}

/** A task whose answer is the likeliest option. */
export interface ChoiceTask extends TaskParts {
  readonly kind: 'choice'
  /** The question of a row; undefined for a row that has none of this kind. @throws PocketPhiError `invalid-file` */
  readonly read: (row: Row) => ChoiceItem | undefined
  /** @param logLikelihoods of the options, in nats */
  readonly score: (item: ChoiceItem, logLikelihoods: readonly number[]) => Scores
}

/** A task whose answer is written. */
export interface GenerationTask extends TaskParts {
  readonly kind: 'generation'
  /** Tokens of an answer at most. */
  readonly maxTokens: number
  /** Texts that end an answer and are not part of it. */
  readonly stop: readonly string[]
  readonly read: (row: Row) => GenerationItem | undefined
  readonly score: (item: GenerationItem, answer: string) => Scores
}

/** A task whose answer is run: it is right where the program comes to its end. */
export interface CodeTask extends TaskParts {
  readonly kind: 'code'
  /** Tokens of an answer at most. */
  readonly maxTokens: number
  /** Texts that end an answer and are not part of it. */
  readonly stop: readonly string[]
  readonly read: (row: Row) => CodeItem
  /** What is run of an answer, with the tests. */
  readonly program: (item: CodeItem, answer: string) => Program
}

export type Task = ChoiceTask | GenerationTask | CodeTask
export type TaskItem = ChoiceItem | GenerationItem | CodeItem
