/** How a question of each kind is put to what is measured, and what is kept of it. */
import { PocketPhiError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import type {
  FewShot,
  GenerationItem,
  CodeItem,
  JudgedItem,
  JudgedTask,
  PictureItem,
  PictureTask,
  Task,
  TaskItem,
} from '../tasks/types.ts'
import type { AnswerRecord } from './answers.ts'
import { leadOf, promptsOf, type Subject, type Turn } from './subject.ts'

/** What was asked and said. */
export type Said = Omit<AnswerRecord, 'id' | 'group' | 'scores'>

/** Puts a question to a subject. One that it has no room for is not answered, and no reason to ask no other. @throws what the subject throws else */
export async function ask(
  task: Task,
  item: TaskItem,
  fewShot: FewShot,
  subject: Subject,
  signal: AbortSignal,
): Promise<Said> {
  try {
    return await answerOf(task, item, fewShot, subject, signal)
  } catch (error) {
    if (!(error instanceof PocketPhiError) || error.code !== 'context-full') throw error
    const unanswered = [error.problem, ...(error.found === undefined ? [] : [`Found: ${error.found}`])].join(' ')
    return { shots: 0, cutTokens: 0, prompts: promptsFor(item, leadOf(fewShot, 0)), unanswered }
  }
}

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
  if ('turns' in item && task.kind === 'judged') return await converse(task, item, subject, signal)
  if ('pictures' in item && task.kind === 'picture') return await show(task, item, subject, signal)
  if ('question' in item && !('pictures' in item) && (task.kind === 'generation' || task.kind === 'code')) {
    return await write(task, item, fewShot, subject, signal)
  }
  throw new Error(`defect: ${task.name} has a question of another kind`)
}

/** What is sent of a question, as it is recorded: the names of pictures stand for them. @param lead what stands before it, where there are examples */
export function promptsFor(item: TaskItem, lead: string): readonly string[] {
  if ('options' in item) return promptsOf(lead, item.options)
  if ('turns' in item) return item.turns
  if ('pictures' in item) return [[...item.pictures.map(({ name }) => `[${name}]`), item.question].join('\n')]
  return [lead + item.question]
}

async function write(
  task: Extract<Task, { kind: 'generation' | 'code' }>,
  item: GenerationItem | CodeItem,
  fewShot: FewShot,
  subject: Subject,
  signal: AbortSignal,
): Promise<Said> {
  const { stop } = task
  const maxTokens = 'maxTokens' in item && item.maxTokens !== undefined ? item.maxTokens : task.maxTokens
  const completion = await subject.complete(fewShot, item.question, { maxTokens, stop, signal })
  return 'answers' in item ? { ...completion, answers: item.answers } : completion
}

async function show(task: PictureTask, item: PictureItem, subject: Subject, signal: AbortSignal): Promise<Said> {
  const { pictures, question, answers } = item
  const turn: Turn = { role: 'user', content: question, pictures }
  const reply = await subject.reply([turn], { maxTokens: task.maxTokens, temperature: 0, seed: 0, signal })
  return { shots: 0, prompts: promptsFor(item, ''), answers, ...reply }
}

/** Says one turn after the other, each with the answers to those before it. */
async function converse(task: JudgedTask, item: JudgedItem, subject: Subject, signal: AbortSignal): Promise<Said> {
  const { maxTokens } = task
  const temperature = task.temperature(item)
  const said: Turn[] = []
  const replies: string[] = []
  let cutTokens = 0
  for (const [index, content] of item.turns.entries()) {
    said.push({ role: 'user', content })
    // Of its own for each answer, whatever is asked beside it.
    const seed = new Random(0).fork(`${item.id}/${index}`).integer(0, 2 ** 31)
    const reply = await subject.reply(said, { maxTokens, temperature, seed, signal })
    said.push({ role: 'assistant', content: reply.answer })
    replies.push(reply.answer)
    cutTokens += reply.cutTokens
  }
  return { shots: 0, cutTokens, prompts: promptsFor(item, ''), replies }
}
