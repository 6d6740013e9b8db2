/** What a benchmark is: how its rows become questions, and how an answer is scored. */
import type { Message } from '../../endpoint/chat.ts'
import type { Language, Program } from '../../sandbox/types.ts'
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
  /** Tokens of an answer at most, where they are not those of the task. */
  readonly maxTokens?: number
}

/** The file of a picture: PNG, JPEG, WebP or GIF. */
export interface PictureFile {
  /** What it is called in what is recorded. */
  readonly name: string
  readonly read: () => Promise<Uint8Array>
}

/** A question about pictures, which stand before its words. */
export interface PictureItem extends Item {
  readonly question: string
  readonly pictures: readonly PictureFile[]
  /** Options that stand in the question by letter; none where the answer is a word, a phrase or a number. */
  readonly choices: readonly string[]
  /** What counts as right: a letter where there are options. */
  readonly answers: readonly string[]
  /** To how many decimals an answer that is a number counts. */
  readonly decimals?: number
}

/** A conversation in which a judge rates each answer. */
export interface JudgedItem extends Item {
  /** What the user says, turn by turn. */
  readonly turns: readonly string[]
  /** Good answers to the turns, where they are known. */
  readonly references: readonly string[]
}

/** A question that is answered by a program. */
export interface CodeItem extends Item {
  readonly question: string
  /** An answer that is known to be right, where there is one. */
  readonly solution: string | undefined
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
  /** What a full score is in the tables, in the unit of the report; 100, percent, when left out. */
  readonly points?: number
  /** Whether the tables tell the groups apart. */
  readonly byGroup?: boolean
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
  /** What programs are written in. */
  readonly language: Language
  /** Tokens of an answer at most. */
  readonly maxTokens: number
  /** Texts that end an answer and are not part of it. */
  readonly stop: readonly string[]
  readonly read: (row: Row) => CodeItem
  /** What is run of an answer, with the tests. */
  readonly program: (item: CodeItem, answer: string) => Program
}

/** A task whose answers are those of a conversation, by the model's own chat template, and are rated by another model. */
export interface JudgedTask extends TaskParts {
  readonly kind: 'judged'
  /** Tokens of an answer at most. */
  readonly maxTokens: number
  readonly temperature: (item: JudgedItem) => number
  readonly read: (row: Row) => JudgedItem
  /** What a judge is asked of the answer to a turn (from 0 on), given all answers up to it. */
  readonly grading: (item: JudgedItem, answers: readonly string[], turn: number) => readonly Message[]
  /** The rating in what a judge said, as a share of a full score; undefined where there is none. */
  readonly rating: (said: string) => number | undefined
}

/** A task about pictures, answered by the model's own chat template with the likeliest tokens. */
export interface PictureTask extends TaskParts {
  readonly kind: 'picture'
  /** Tokens of an answer at most. */
  readonly maxTokens: number
  readonly read: (row: Row) => PictureItem | undefined
  readonly score: (item: PictureItem, answer: string) => Scores
  /** Measures of all questions together, from what each got, that are no means. */
  readonly overall?: (scores: readonly Scores[]) => Scores
}

export type Task = ChoiceTask | GenerationTask | CodeTask | JudgedTask | PictureTask
export type TaskItem = ChoiceItem | GenerationItem | CodeItem | JudgedItem | PictureItem
