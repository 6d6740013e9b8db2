/** Judges and simulated users behind servers, with the files in which their answers are kept. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Asker, type AskingOptions } from '../data/pipeline/asking/asker.ts'
import { openJournal } from '../data/pipeline/asking/journal.ts'
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

/** @param folder where answers are kept; no other process may write there */
export async function openAskers(
  folder: string,
  { judge, user, turns, ...asking }: AskedModels,
): Promise<OpenedAskers> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw systemError(folder, error)
  })
  const judgements = judge && (await openJournal<Judgement>(join(folder, 'judge.jsonl'), isJudgement))
  const answers = user && (await openJournal<UserAnswer>(join(folder, 'user.jsonl'), isUserAnswer))
  return {
    grader:
      judge && judgements ? new JudgeGrader(judge, new Asker(judge, judgements, asking), judgements) : rulesGrader,
    user: user && answers ? new ModelUser(user, new Asker(user, answers, asking), answers, turns) : scriptedUser,
    async [Symbol.asyncDispose]() {
      await judgements?.close()
      await answers?.close()
    },
  }
}
