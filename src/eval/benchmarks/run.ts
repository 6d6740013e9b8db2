/** Puts the questions of a task to a model, several at a time, and keeps what it answers. */
import { isDeepStrictEqual } from 'node:util'
import { PocketPhiError, present } from '../../base/errors.ts'
import { inLanes } from '../../base/lanes.ts'
import { runProgram } from '../../sandbox/run.ts'
import type { FewShot, Task, TaskItem } from '../tasks/types.ts'
import { openAnswers, readAnswers, type AnswerFile, type AnswerHeader, type AnswerRecord } from './answers.ts'
import { ask, promptsFor, type Said } from './asking.ts'
import { finish, isFinished, scoresOf, type Finishers } from './finishing.ts'
import type { TaskRows } from './rows.ts'
import { leadOf, type Subject } from './subject.ts'

export interface RunOptions {
  /** Where answers are kept. */
  readonly file: string
  readonly header: AnswerHeader
  /** Questions at a time. */
  readonly parallel: number
  readonly signal?: AbortSignal
  readonly onAnswer?: (done: number, total: number) => void
  readonly execute?: Finishers['execute']
  readonly judge?: Finishers['judge']
}

const noExamples: FewShot = { preamble: '', shots: [] }

/**
 * The answers to all questions of a task, in the order of the questions. Those that are in the file already are not asked again,
 * and the model is not even opened where all are. Asked again are those that there was no room for: a server may have more now. A program is run again, and an answer judged again, only where the rules of today make
 * something else of it.
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
  const kept = await readAnswers(options.file, options.header)
  checkRows(task, rows, kept, options.file)
  const known = new Map([...kept].filter(([, { unanswered }]) => unanswered === undefined))
  const done = new Map(
    rows.items.flatMap((item) => {
      const record = known.get(item.id)
      return record !== undefined && isFinished(task, item, record, finishersOf(options))
        ? [[item.id, record] as const]
        : []
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

function finishersOf({ execute = runProgram, judge }: RunOptions): Finishers {
  return { execute, judge }
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
  options: RunOptions,
): Promise<readonly AnswerRecord[]> {
  const { file, header, parallel, signal, onAnswer = () => {} } = options
  const unasked = items.filter(({ id }) => !known.has(id))
  const subject = unasked.length > 0 ? await open() : undefined
  const answers = await openAnswers(file, header, known)
  const records: AnswerRecord[] = []
  const left = items.filter(({ id }) => !before.has(id))
  let done = items.length - left.length
  const work = async (item: TaskItem, ended: AbortSignal): Promise<void> => {
    const fewShot = fewShots.get(item.group) ?? noExamples
    const said =
      known.get(item.id) ?? (await askAndKeep(task, item, fewShot, present(subject, 'subject'), answers, ended))
    const record = await finish(task, item, said, finishersOf(options), ended)
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

/** Answers that are judged elsewhere are kept before, since a judge may fail. */
async function askAndKeep(
  task: Task,
  item: TaskItem,
  fewShot: FewShot,
  subject: Subject,
  answers: AnswerFile,
  signal: AbortSignal,
): Promise<Said> {
  const said = await ask(task, item, fewShot, subject, signal)
  if (task.kind === 'judged' && said.unanswered === undefined)
    await answers.append({ id: item.id, group: item.group, ...said, scores: {} })
  return said
}

function stopped(file: string): PocketPhiError {
  return new PocketPhiError('aborted', 'The evaluation was stopped.', {
    remedy: `The answers so far are in "${file}"; the same command goes on from there.`,
  })
}

/** An answer belongs to all that was asked, not to an id alone. Of pictures the names are compared: to read them all would cost what asking does. */
function checkRows(
  task: Task,
  { items, fewShots }: TaskRows,
  kept: ReadonlyMap<string, AnswerRecord>,
  file: string,
): void {
  for (const item of items) {
    const record = kept.get(item.id)
    if (record === undefined) continue
    const lead = leadOf(fewShots.get(item.group) ?? noExamples, record.shots)
    const options = 'options' in item ? item.options.map(({ text }) => text) : undefined
    const isSame =
      isDeepStrictEqual(record.prompts, promptsFor(item, lead)) &&
      (record.unanswered !== undefined || isDeepStrictEqual(record.options, options))
    if (isSame) continue
    throw new PocketPhiError('invalid-argument', `"${file}" has an answer to another question "${item.id}".`, {
      expected: `answers to the rows of ${task.name} that are here now`,
      remedy: 'Choose another folder with --out, or remove the file.',
    })
  }
}
