/** `phi data annotate`: what documents are worth, as a language model or rules see it. */
import { join } from 'node:path'
import type { Command } from 'commander'
import {
  annotateWithModel,
  annotateWithRules,
  annotationReportFile,
  annotationsFile,
  type AnnotationProgress,
  type AnnotationReport,
  type AnswerCounts,
  type Prices,
} from '../data/pipeline/education/annotate.ts'
import { axes, type Axis } from '../data/pipeline/education/annotation.ts'
import { documentsIn } from '../data/pipeline/education/documents.ts'
import { drawSample } from '../data/pipeline/education/sample.ts'
import { endpointOf } from './endpoint.ts'
import { UsageError } from './errors.ts'
import { interruptible } from './interrupt.ts'
import { decimal, integer } from './options.ts'
import { bar, formatCount, formatTable, print, printJson, StatusLine } from './terminal.ts'

interface AnnotateOptions {
  readonly out: string
  readonly endpoint?: string
  readonly count: number
  readonly seed: number
  readonly parallel: number
  readonly opinions: number
  readonly attempts: number
  readonly timeout: number
  readonly promptPrice?: number
  readonly answerPrice?: number
  readonly json?: boolean
}

export function registerAnnotate(group: Command): void {
  group
    .command('annotate')
    .description(
      'Have a sample of documents judged by a language model: how well they teach, and how much is reasoning.',
    )
    .argument('<paths...>', 'folders of runs, and files of documents')
    .requiredOption('--out <folder>', 'where answers and annotations are kept, and found again after a stop')
    .option('--endpoint <address>', 'OpenAI-compatible server with its model, http://HOST/v1#NAME (or PHI_ENDPOINT)')
    .option('--count <n>', 'documents of the sample', integer(1), 2000)
    .option('--seed <n>', 'of the sample', integer(0), 1)
    .option('--parallel <n>', 'documents that are asked about at a time', integer(1, 256), 8)
    .option('--opinions <n>', 'answers that are taken for a document; the median counts', integer(1, 15), 1)
    .option('--attempts <n>', 'answers that each opinion may need', integer(1, 20), 4)
    .option('--timeout <seconds>', 'how long an answer may take', decimal(0, 3600, true), 120)
    .option('--prompt-price <n>', 'price of a million tokens of prompts', decimal(0))
    .option('--answer-price <n>', 'price of a million tokens of answers', decimal(0))
    .option('--json', 'print one JSON object for each document that is done, and the report')
    .addHelpText(
      'after',
      `
Address and key of the server may come from the environment: PHI_ENDPOINT and PHI_ENDPOINT_KEY. Without a server, rules judge in its
place: they see form and turns of phrase, not truth or sense.

Every answer is kept as it comes, by what was asked: Ctrl-C, a kill or a crash loses those on their way, and the same command goes on.

Examples:
  $ phi data annotate runs/web --out annotations/web --endpoint http://127.0.0.1:8000/v1#phi-3-mini
  $ phi data annotate texts.jsonl.gz --out annotations/texts --count 500 --prompt-price 0.15 --answer-price 0.6`,
    )
    .action(annotate)
}

async function annotate(paths: readonly string[], options: AnnotateOptions): Promise<void> {
  const { out, count, seed, parallel, opinions, attempts, timeout: timeoutSeconds, json = false } = options
  const prices = pricesOf(options)
  const address = options.endpoint ?? process.env['PHI_ENDPOINT']
  const endpoint = address === undefined ? undefined : await endpointOf(address)
  const sample = await drawSample(documentsIn(paths), count, seed)
  if (endpoint === undefined) {
    const report = await annotateWithRules(sample, out)
    return tell(report, out, json)
  }
  const status = new StatusLine(!json)
  const onProgress = (progress: AnnotationProgress): void => {
    if (json) printJson(progress)
    else status.show(progressLine(progress), progress.done === progress.total)
  }
  const model = { parallel, opinions, attempts, timeoutSeconds, prices, onProgress }
  const report = await interruptible((signal) =>
    annotateWithModel(sample, endpoint, out, { ...model, signal }).finally(() => status.clear()),
  )
  tell(report, out, json)
}

/** @throws UsageError for one price without the other */
function pricesOf({ promptPrice: prompt, answerPrice: answer }: AnnotateOptions): Prices | undefined {
  if (prompt === undefined && answer === undefined) return undefined
  if (prompt !== undefined && answer !== undefined) return { prompt, answer }
  throw new UsageError('--prompt-price and --answer-price belong together.')
}

function progressLine({ done, total, answers }: AnnotationProgress): string {
  const { waits, cost, promptTokens, answerTokens } = answers
  const spent = cost === undefined ? `${formatCount(promptTokens + answerTokens)} tokens` : `cost ${cost.toFixed(4)}`
  const rejected = rejectedAnswers(answers)
  return `${bar(total === 0 ? 1 : done / total)} ${done} of ${total}  ${rejected} answers not taken  ${waits} waits  ${spent}`
}

const rejectedAnswers = ({ rejected }: AnswerCounts): number =>
  Object.values(rejected).reduce((sum, count) => sum + count, 0)

function tell(report: AnnotationReport, out: string, json: boolean): void {
  if (json) return printJson(report)
  const {
    annotator,
    read,
    sampled,
    annotated,
    duplicates,
    unanswered,
    sameReasons,
    scores,
    disputed = 0,
    answers,
    remark,
  } = report
  print(
    `${annotated} of ${sampled} documents annotated, of ${read} read; ${duplicates} repeat one of the sample and count once.`,
  )
  if (remark !== undefined) print(remark)
  if (answers !== undefined) {
    const { taken, known, waits, promptTokens, answerTokens, withoutUsage, cost } = answers
    print(
      `${annotator}: ${taken} answers taken, ${rejectedAnswers(answers)} not${listed(answers.rejected)}; ${known} known before, ${waits} waits.`,
    )
    print(
      `Tokens: ${promptTokens} of prompts, ${answerTokens} of answers; ${withoutUsage} answers did not tell theirs.`,
    )
    if (cost !== undefined) print(`Cost: ${cost.toFixed(4)} at the prices given.`)
    if (disputed > 0) print(`Of ${disputed} documents opinions are two points or more apart.`)
    if (sameReasons > 0) print(`${sameReasons} documents have the same reasons as another one.`)
  }
  const left = sampled - annotated
  if (left > 0)
    print(`${left} documents have no usable answer${listed(unanswered)}; the same command asks about them again.`)
  const row = (axis: Axis): string[] => [axis, ...scores[axis].map(String)]
  print(`\n${formatTable([['documents by score', '0', '1', '2', '3', '4', '5'], ...axes.map(row)])}`)
  print(`\nThe annotations are ${annotationsFile(out)}, the report is ${annotationReportFile(out)}.`)
  print(
    `A classifier learns from them: phi data classify train ${annotationsFile(out)} --out ${join(out, 'classifier.safetensors')}`,
  )
}

function listed(counts: Readonly<Partial<Record<string, number>>>): string {
  const parts = Object.entries(counts).map(([reason, count]) => `${reason} ${count}`)
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}
