/** Puts the questions of a task to a model, several at a time, and keeps what it answers. */
import { PocketPhiError, present } from '../../base/errors.ts'
import { inLanes } from '../../base/lanes.ts'
import { runProgram } from '../../sandbox/run.ts'
import type { FewShot, Scores, Task, TaskItem } from '../tasks/types.ts'
import { openAnswers, readAnswers, type AnswerHeader, type AnswerRecord } from './answers.ts'
import type { TaskRows } from './rows.ts'
import type { Subject } from './subject.ts'

export interface RunOptions {
  /** Where answers are kept. */
  readonly file: string
  readonly header: AnswerHeader
  /** Questions at a time. */
  readonly parallel: number
  readonly signal?: AbortSignal
  readonly onAnswer?: (done: number, total: number) => void
  /** What runs the programs that were written. */
  readonly execute?: typeof runProgram
}

const noExamples: FewShot = { preamble: '', shots: [] }

/**
 * The answers to all questions of a task, in the order of the questions. Those that are in the file already are not asked again,
 * and the model is not even opened where all are. A program is run again only where the rules of today make another one of an answer.
 *
 * @param open gives what is measured when it is first needed
 * @throws PocketPhiError `aborted`: what was answered until then is kept; `invalid-argument` for a file with other answers
 */
export async function runTask(
  task: Task,
  rows: TaskRows,
  open: () => Promise<Subject>,
  options: RunOptions,
): Promise<readonly AnswerRecord[]> {
  const known = await readAnswers(options.file, options.header)
  checkRows(task, rows, known, options.file)
  const done = new Map(
    rows.items.flatMap((item) => {
      const record = known.get(item.id)
      return record !== undefined && isDone(task, item, record) ? [[item.id, record] as const] : []
    }),
  )
  const all = new Map(done)
  if (rows.items.some(({ id }) => !done.has(id))) {
    for (const record of await askAll(task, rows, { known, done }, open, options)) all.set(record.id, record)
  }
  return rows.items.map((item) => {
    const record = present(all.get(item.id), 'answer')
    return { ...record, scores: scoresOf(task, item, record) }
  })
}

/** Whether an answer that was kept needs no running. */
function isDone(task: Task, item: TaskItem, { answer, program, outcome }: AnswerRecord): boolean {
  if (task.kind !== 'code' || !('tests' in item) || answer === undefined) return true
  return outcome !== undefined && program === task.program(item, answer).source
}

/** Answers that were kept: all, and those of which it is known what they are worth. */
interface Kept {
  readonly known: ReadonlyMap<string, AnswerRecord>
  readonly done: ReadonlyMap<string, AnswerRecord>
}

async function askAll(
  task: Task,
  { items, fewShots }: TaskRows,
  { known, done: before }: Kept,
  open: () => Promise<Subject>,
  { file, header, parallel, signal, onAnswer = () => {}, execute = runProgram }: RunOptions,
): Promise<readonly AnswerRecord[]> {
  const unasked = items.filter(({ id }) => !known.has(id))
  const subject = unasked.length > 0 ? await open() : undefined
  const answers = await openAnswers(file, header, known)
  const records: AnswerRecord[] = []
  const left = items.filter(({ id }) => !before.has(id))
  let done = items.length - left.length
  const work = async (item: TaskItem, ended: AbortSignal): Promise<void> => {
    const fewShot = fewShots.get(item.group) ?? noExamples
    const said = known.get(item.id) ?? (await answerOf(task, item, fewShot, present(subject, 'subject'), ended))
    const record = await judged(task, item, said, execute, ended)
    await answers.append(record)
    records.push(record)
    onAnswer(++done, items.length)
  }
  try {
    onAnswer(done, items.length)
    await inLanes(left, parallel, work, signal)
    if (signal?.aborted === true) throw stopped(file)
    return records
  } catch (error) {
    throw signal?.aborted === true ? stopped(file) : error
  } finally {
    await answers.close()
  }
}

function stopped(file: string): PocketPhiError {
  return new PocketPhiError('aborted', 'The evaluation was stopped.', {
    remedy: `The answers so far are in "${file}"; the same command goes on from there.`,
  })
}

/** What was asked and said. */
type Said = Omit<AnswerRecord, 'id' | 'group' | 'scores'>

async function answerOf(
  task: Task,
  item: TaskItem,
  fewShot: FewShot,
  subject: Subject,
  signal: AbortSignal,
): Promise<Said> {
  if ('options' in item) {
    const fitted = await subject.logLikelihoods(fewShot, item.options, signal)
    return { ...fitted, options: item.options.map(({ text }) => text), truths: item.truths }
  }
  if (task.kind === 'choice') throw new Error('defect: a question without options')
  const { maxTokens, stop } = task
  const completion = await subject.complete(fewShot, item.question, { maxTokens, stop, signal })
  return 'answers' in item ? { ...completion, answers: item.answers } : completion
}

/** Runs what was written, where that is a program. */
async function judged(
  task: Task,
  item: TaskItem,
  said: Said,
  execute: typeof runProgram,
  signal: AbortSignal,
): Promise<AnswerRecord> {
  const { id, group } = item
  const outcome = await outcomeOf(task, item, said, execute, signal)
  const whole = { ...said, ...outcome }
  return { id, group, ...whole, scores: scoresOf(task, item, whole) }
}

async function outcomeOf(
  task: Task,
  item: TaskItem,
  { answer }: Said,
  execute: typeof runProgram,
  signal: AbortSignal,
): Promise<Pick<AnswerRecord, 'program' | 'outcome'>> {
  if (task.kind !== 'code' || !('tests' in item) || answer === undefined) return {}
  const program = task.program(item, answer)
  return { program: program.source, outcome: await execute(program, { signal }) }
}

/** What an answer is worth by the rules of today, also of one that was kept. */
function scoresOf(
  task: Task,
  item: TaskItem,
  { logLikelihoods, answer, outcome }: Pick<AnswerRecord, 'logLikelihoods' | 'answer' | 'outcome'>,
): Scores {
  if (task.kind === 'choice' && 'options' in item && logLikelihoods !== undefined) {
    return task.score(item, logLikelihoods)
  }
  if (task.kind === 'generation' && 'answers' in item && answer !== undefined) return task.score(item, answer)
  if (task.kind === 'code' && outcome !== undefined) return { 'pass@1': outcome.kind === 'finished' ? 1 : 0 }
  throw new PocketPhiError('invalid-file', `An answer to "${item.id}" is none to a question of ${task.name}.`)
}

/** An answer belongs to a question, not to its id alone. */
function checkRows(task: Task, { items }: TaskRows, known: ReadonlyMap<string, AnswerRecord>, file: string): void {
  for (const item of items) {
    const prompt = known.get(item.id)?.prompts[0]
    const question = 'question' in item ? item.question : (item.options[0]?.context ?? '')
    if (prompt === undefined || prompt.endsWith(question)) continue
    throw new PocketPhiError('invalid-argument', `"${file}" has an answer to another question "${item.id}".`, {
      expected: `answers to the rows of ${task.name} that are here now`,
      remedy: 'Choose another folder with --out, or remove the file.',
    })
  }
}
