/** Puts the questions of a task to a model, several at a time, and keeps what it answers. */
import { PocketPhiError, present } from '../../base/errors.ts'
import { inLanes } from '../../base/lanes.ts'
import type { ChoiceItem, FewShot, GenerationItem, Scores, Task } from '../tasks/types.ts'
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
}

const noExamples: FewShot = { preamble: '', shots: [] }

/**
 * The answers to all questions of a task, in the order of the questions. Those that are in the file already are not asked again,
 * and the model is not even opened where all are.
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
  const all = new Map(known)
  if (rows.items.some(({ id }) => !known.has(id))) {
    for (const record of await askAll(task, rows, known, await open(), options)) all.set(record.id, record)
  }
  return rows.items.map((item) => {
    const record = present(all.get(item.id), 'answer')
    return { ...record, scores: scoresOf(task, item, record) }
  })
}

async function askAll(
  task: Task,
  { items, fewShots }: TaskRows,
  known: ReadonlyMap<string, AnswerRecord>,
  subject: Subject,
  { file, header, parallel, signal, onAnswer = () => {} }: RunOptions,
): Promise<readonly AnswerRecord[]> {
  const answers = await openAnswers(file, header, known)
  const records: AnswerRecord[] = []
  const open = items.filter(({ id }) => !known.has(id))
  let done = items.length - open.length
  const work = async (item: ChoiceItem | GenerationItem, ended: AbortSignal): Promise<void> => {
    const record = await ask(task, item, fewShots.get(item.group) ?? noExamples, subject, ended)
    await answers.append(record)
    records.push(record)
    onAnswer(++done, items.length)
  }
  try {
    onAnswer(done, items.length)
    await inLanes(open, parallel, work, signal)
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

async function ask(
  task: Task,
  item: ChoiceItem | GenerationItem,
  fewShot: FewShot,
  subject: Subject,
  signal: AbortSignal,
): Promise<AnswerRecord> {
  const said = await answerOf(task, item, fewShot, subject, signal)
  return { id: item.id, group: item.group, ...said, scores: scoresOf(task, item, said) }
}

async function answerOf(
  task: Task,
  item: ChoiceItem | GenerationItem,
  fewShot: FewShot,
  subject: Subject,
  signal: AbortSignal,
): Promise<Omit<AnswerRecord, 'id' | 'group' | 'scores'>> {
  if ('options' in item) {
    const fitted = await subject.logLikelihoods(fewShot, item.options, signal)
    return { ...fitted, options: item.options.map(({ text }) => text), truths: item.truths }
  }
  if (task.kind === 'choice') throw new Error('defect: a question without options')
  const { maxTokens, stop } = task
  return {
    ...(await subject.complete(fewShot, item.question, { maxTokens, stop, signal })),
    answers: item.answers,
  }
}

/** What an answer is worth by the rules of today, also of one that was kept. */
function scoresOf(
  task: Task,
  item: ChoiceItem | GenerationItem,
  { logLikelihoods, answer }: Pick<AnswerRecord, 'logLikelihoods' | 'answer'>,
): Scores {
  if (task.kind === 'choice' && 'options' in item && logLikelihoods !== undefined) {
    return task.score(item, logLikelihoods)
  }
  if (task.kind === 'generation' && 'question' in item && answer !== undefined) return task.score(item, answer)
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
