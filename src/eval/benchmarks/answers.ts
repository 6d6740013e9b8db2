/** The answers of a model to a task, kept in a file as they come, so that a run that was stopped goes on where it was. */
import { PocketPhiError } from '../../base/errors.ts'
import { openJsonLines, readJsonLines } from '../../formats/json-lines.ts'
import type { Outcome } from '../../sandbox/types.ts'
import type { Scores } from '../tasks/types.ts'
import type { Judgement } from './judge.ts'

/** What decides the answers beside the questions: the first line of a file. */
export interface AnswerHeader {
  readonly task: string
  readonly model: string
  /** Whatever else an answer depends on: the weights, their arithmetic, the context. */
  readonly settings: Readonly<Record<string, string | number | boolean>>
}

/** One question as it was asked, and what came of it. */
export interface AnswerRecord {
  readonly id: string
  readonly group: string
  readonly shots: number
  readonly cutTokens: number
  readonly prompts: readonly string[]
  /** Of options: their texts, and how likely they were, in nats. */
  readonly options?: readonly string[]
  readonly logLikelihoods?: readonly number[]
  readonly truths?: readonly number[]
  /** Of what was written: the text, and what counts as right. */
  readonly answer?: string
  readonly answers?: readonly string[]
  /** Of a conversation: the answers, turn by turn, and what a judge said of each. */
  readonly replies?: readonly string[]
  readonly judgements?: readonly Judgement[]
  /** Of an answer that was run: the whole text of the program, and what came of it. */
  readonly program?: string
  readonly outcome?: Outcome
  /** Why there is no answer: there was no room for the question. */
  readonly unanswered?: string
  readonly scores: Scores
}

/** Of the first line, so that a file of another making is not taken for one. */
const formatName = 'pocket-phi-answers-1'

export interface AnswerFile {
  append(record: AnswerRecord): Promise<void>
  close(): Promise<void>
}

type Line = (AnswerHeader & { readonly format: string }) | AnswerRecord

/** A line of a file, as far as it is whole; its fields are those that this module wrote. */
function takeLine(value: unknown): Line | undefined {
  const line = value as Partial<AnswerRecord & { format: string }> | null | undefined
  const isLine = line?.format === formatName || (typeof line?.id === 'string' && typeof line.scores === 'object')
  return isLine ? (line as Line) : undefined
}

/**
 * The answers in a file by the ids of their questions; none where there is no file.
 *
 * @throws PocketPhiError `invalid-argument` for answers that another model gave, or with other settings
 */
export async function readAnswers(file: string, header: AnswerHeader): Promise<ReadonlyMap<string, AnswerRecord>> {
  const [first, ...rest] = await readJsonLines(file, takeLine)
  if (first === undefined) return new Map()
  const { format, ...found } = 'format' in first ? first : { format: 'no format' }
  if (format !== formatName || JSON.stringify(found) !== JSON.stringify(header)) {
    throw new PocketPhiError('invalid-argument', `The answers in "${file}" were given under other circumstances.`, {
      expected: JSON.stringify(header),
      found: format === formatName ? JSON.stringify(found) : format,
      remedy: 'Choose another folder with --out, or remove the file.',
    })
  }
  return new Map(rest.flatMap((line) => ('id' in line ? [[line.id, line]] : [])))
}

/**
 * Opens the file for appending behind the answers that `readAnswers` found; what is torn at its end goes.
 *
 * @throws PocketPhiError `out-of-memory` for a full disk, here and when an answer is appended
 */
export async function openAnswers(
  file: string,
  header: AnswerHeader,
  known: ReadonlyMap<string, AnswerRecord>,
): Promise<AnswerFile> {
  const log = await openJsonLines<Line>(file, [{ format: formatName, ...header }, ...known.values()])
  return {
    append: (record) => log.append(record),
    async close() {
      await log.sync()
      await log.close()
    },
  }
}
