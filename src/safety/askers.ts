/** Judges and simulated users behind servers, with the files in which their answers are kept. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Asker, type AskingOptions } from '../data/pipeline/asking/asker.ts'
import { openJournal } from '../data/pipeline/asking/journal.ts'
import { lockFolder } from '../data/pipeline/folder-lock.ts'
import type { Endpoint } from '../endpoint/endpoint.ts'
import { systemError } from '../formats/atomic.ts'
import type { Grader } from './graders/grader.ts'
import { isJudgement, JudgeGrader, type Judgement } from './graders/judge.ts'
import { rulesGrader } from './graders/rules.ts'
import { isUserAnswer, ModelUser, scriptedUser, type SimulatedUser, type UserAnswer } from './user.ts'

export interface AskedModels extends AskingOptions {
  /** Rules grade when left out. */
  readonly judge?: Endpoint | undefined
  /** Scripts speak when left out. */
  readonly user?: Endpoint | undefined
  /** Messages that such a user has for a conversation. */
  readonly turns: number
}

export interface OpenedAskers extends AsyncDisposable {
  readonly grader: Grader
  readonly user: SimulatedUser
}

/**
 * Opens them, with answers that are there already.
 *
 * @param folder where answers are kept; it stays locked until they are closed
 * @throws PocketPhiError `invalid-argument` where another process has the folder
 */
export async function openAskers(folder: string, models: AskedModels): Promise<OpenedAskers> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw systemError(folder, error)
  })
  await using opened = new AsyncDisposableStack()
  const lock = await lockFolder(folder)
  opened.defer(() => lock.close())
  const { judge, user, turns, ...asking } = models
  let grader: Grader = rulesGrader
  let speaker: SimulatedUser = scriptedUser
  if (judge !== undefined) {
    const journal = await openJournal<Judgement>(join(folder, 'judge.jsonl'), isJudgement)
    opened.defer(() => journal.close())
    grader = new JudgeGrader(judge, new Asker(judge, journal, asking), journal)
  }
  if (user !== undefined) {
    const journal = await openJournal<UserAnswer>(join(folder, 'user.jsonl'), isUserAnswer)
    opened.defer(() => journal.close())
    speaker = new ModelUser(user, new Asker(user, journal, asking), journal, turns)
  }
  const kept = opened.move()
  return { grader, user: speaker, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}
