/** What commands that ask a model behind a server have in common: options, and how its answers are told of. */
import type { Command } from 'commander'
import type { AskingCounts, AskingOptions } from '../data/pipeline/asking/asker.ts'
import type { Counts } from '../data/pipeline/asking/journal.ts'
import { UsageError } from './errors.ts'
import { decimal, integer } from './options.ts'
import { interruptible } from './interrupt.ts'
import { bar, formatCount, printJson, StatusLine } from './terminal.ts'

export interface AskingChoices {
  readonly endpoint?: string
  readonly parallel: number
  readonly attempts: number
  readonly timeout: number
  readonly promptPrice?: number
  readonly answerPrice?: number
  readonly json?: boolean
}

interface AskingProgress {
  readonly done: number
  readonly total: number
  readonly answers: AskingCounts
}

/** @param thing what a question is about, in the plural */
export function addAskingOptions(command: Command, thing: string): Command {
  return command
    .option('--endpoint <address>', 'OpenAI-compatible server with its model, http://HOST/v1#NAME (or PHI_ENDPOINT)')
    .option('--parallel <n>', `${thing} that are asked about at a time`, integer(1, 256), 8)
    .option('--attempts <n>', 'answers that each question may need', integer(1, 20), 4)
    .option('--timeout <seconds>', 'how long an answer may take', decimal(0, 3600, true), 120)
    .option('--prompt-price <n>', 'price of a million tokens of prompts', decimal(0))
    .option('--answer-price <n>', 'price of a million tokens of answers', decimal(0))
    .option('--json', 'print one JSON object for each piece that is done, and the report')
}

/** Part of their help. */
export const askingHelp = `Address and key of the server may come from the environment: PHI_ENDPOINT and PHI_ENDPOINT_KEY. Answers are held to a schema where the
server can do that. Every answer is kept as it comes, by what was asked: Ctrl-C, a kill or a crash loses those on their way, and the same command goes
on.`

/** @throws UsageError for one price without the other */
export function askingOptionsOf({ attempts, timeout, promptPrice, answerPrice }: AskingChoices): AskingOptions {
  if ((promptPrice === undefined) !== (answerPrice === undefined)) {
    throw new UsageError('--prompt-price and --answer-price belong together.')
  }
  const prices =
    promptPrice === undefined || answerPrice === undefined ? undefined : { prompt: promptPrice, answer: answerPrice }
  return { attempts, timeoutSeconds: timeout, prices }
}

/** The address of the server, where one is named. */
export const addressOf = ({ endpoint }: AskingChoices): string | undefined => endpoint ?? process.env['PHI_ENDPOINT']

/** Asks until Ctrl-C, and tells how far it is. */
export async function askAndTell<Result>(
  json: boolean,
  ask: (told: {
    readonly onProgress: (progress: AskingProgress) => void
    readonly signal: AbortSignal
  }) => Promise<Result>,
): Promise<Result> {
  const status = new StatusLine(!json)
  const onProgress = (progress: AskingProgress): void => {
    if (json) printJson(progress)
    else status.show(progressLine(progress), progress.done === progress.total)
  }
  return await interruptible((signal) => ask({ onProgress, signal }).finally(() => status.clear()))
}

function progressLine({ done, total, answers }: AskingProgress): string {
  const { waits, cost, promptTokens, answerTokens } = answers
  const spent = cost === undefined ? `${formatCount(promptTokens + answerTokens)} tokens` : `cost ${cost.toFixed(4)}`
  const share = bar(total === 0 ? 1 : done / total)
  return `${share} ${done} of ${total}  ${rejectedAnswers(answers)} answers not taken  ${waits} waits  ${spent}`
}

/** What a model answered and what it took, in sentences. */
export function askingReport(model: string, answers: AskingCounts & { readonly known: number }): string[] {
  const { taken, known, waits, promptTokens, answerTokens, withoutUsage, cost } = answers
  return [
    `${model}: ${taken} answers taken, ${rejectedAnswers(answers)} not${listed(answers.rejected)}; ${known} known before, ${waits} waits.`,
    `Tokens: ${promptTokens} of prompts, ${answerTokens} of answers; ${withoutUsage} answers did not tell theirs.`,
    ...(cost === undefined ? [] : [`Cost: ${cost.toFixed(4)} at the prices given.`]),
  ]
}

const rejectedAnswers = ({ rejected }: AskingCounts): number =>
  Object.values(rejected).reduce((sum, count) => sum + count, 0)

/** Counts in brackets, or nothing. */
export function listed(counts: Counts): string {
  const parts = Object.entries(counts).map(([reason, count]) => `${reason} ${count}`)
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}
