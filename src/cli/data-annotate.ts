/** `phi data annotate`: what documents are worth, as a language model or rules see it. */
import { join } from 'node:path'
import type { Command } from 'commander'
import {
  annotateWithModel,
  annotateWithRules,
  annotationReportFile,
  annotationsFile,
  type AnnotationReport,
} from '../data/pipeline/education/annotate.ts'
import { axes, type Axis } from '../data/pipeline/education/annotation.ts'
import { documentsIn } from '../data/pipeline/education/documents.ts'
import { drawSample } from '../data/pipeline/education/sample.ts'
import {
  addAskingOptions,
  addressOf,
  askAndTell,
  askingHelp,
  askingOptionsOf,
  askingReport,
  listed,
  type AskingChoices,
} from './asking.ts'
import { endpointOf } from './endpoint.ts'
import { integer } from './options.ts'
import { formatTable, print, printJson } from './terminal.ts'

interface AnnotateOptions extends AskingChoices {
  readonly out: string
  readonly count: number
  readonly seed: number
  readonly opinions: number
}

export function registerAnnotate(group: Command): void {
  const command = group
    .command('annotate')
    .description(
      'Have a sample of documents judged by a language model: how well they teach, and how much is reasoning.',
    )
    .argument('<paths...>', 'folders of runs, and files of documents')
    .requiredOption('--out <folder>', 'where answers and annotations are kept, and found again after a stop')
    .option('--count <n>', 'documents of the sample', integer(1), 2000)
    .option('--seed <n>', 'of the sample', integer(0), 1)
    .option('--opinions <n>', 'answers that are taken for a document; the median counts', integer(1, 15), 1)
  addAskingOptions(command, 'documents')
    .addHelpText(
      'after',
      `
${askingHelp}

Without a server, rules judge in its place: they see form and turns of phrase, not truth or sense.

Examples:
  $ phi data annotate runs/web --out annotations/web --endpoint http://127.0.0.1:8000/v1#phi-3-mini
  $ phi data annotate texts.jsonl.gz --out annotations/texts --count 500 --prompt-price 0.15 --answer-price 0.6`,
    )
    .action(annotate)
}

async function annotate(paths: readonly string[], options: AnnotateOptions): Promise<void> {
  const { out, count, seed, parallel, opinions, json = false } = options
  const asking = askingOptionsOf(options)
  const address = addressOf(options)
  const endpoint = address === undefined ? undefined : await endpointOf(address)
  const sample = await drawSample(documentsIn(paths), count, seed)
  if (endpoint === undefined) {
    const report = await annotateWithRules(sample, out)
    return tell(report, out, json)
  }
  const report = await askAndTell(json, (told) =>
    annotateWithModel(sample, endpoint, out, { ...asking, parallel, opinions, ...told }),
  )
  tell(report, out, json)
}

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
    for (const line of askingReport(annotator, answers)) print(line)
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
