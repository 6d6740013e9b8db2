/** `phi eval-world`: the frozen evaluation of the closed world. */
import { join } from 'node:path'
import type { Command } from 'commander'
import { PocketPhiError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { drawArithmeticQuestions } from '../data/world/index.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import {
  formatSummary,
  measureOverlap,
  messagesOf,
  parseRows,
  scoreAnswer,
  summarise,
  type EvaluationRow,
  type Overlap,
  type ScoredRow,
} from '../eval/world/index.ts'
import { localFolder } from '../formats/tree.ts'
import { parseRecipe } from '../train/recipe.ts'
import { recipeTexts } from '../train/sources.ts'
import { UsageError } from './errors.ts'
import { readTextFile } from './files.ts'
import { interruptible } from './interrupt.ts'
import { modelPlace, optionalModelArgument } from './model-folder.ts'
import { openModel } from './open-model.ts'
import { addEngineOptions, integer, repeated, type EngineOptions } from './options.ts'
import { readReply } from './reply.ts'
import { shippedModel } from './resolve-model.ts'
import { bar, formatPercent, print, printJson, StatusLine } from './terminal.ts'

/** Of an answer: more than any of the world has. */
export const answerTokens = 200

interface EvalWorldOptions extends EngineOptions {
  readonly kind?: readonly string[]
  readonly limit?: number
  readonly transcripts: number
  readonly arithmetic?: number
  readonly seed: number
  readonly parallel: number
  readonly maxTokens: number
  readonly overlap?: string[]
  readonly overlapTexts: number
  readonly json?: boolean
}

export function registerEvalWorld(program: Command): void {
  const command = program
    .command('eval-world')
    .description('Put the frozen questions of the closed world to a model and score its answers by rule.')
    .argument('[model]', optionalModelArgument)
    .option('--kind <name>', 'only this kind of question; may be given several times', repeated)
    .option(
      '--limit <n>',
      'of each kind at most the first n questions; with all kinds that is n for every one of them',
      integer(1),
    )
    .option('--transcripts <n>', 'also print n transcripts, drawn by --seed and not selected', integer(0), 0)
    .option(
      '--arithmetic <n>',
      'instead n word problems drawn now by --seed, of held-out names, nouns and numbers',
      integer(1),
    )
    .option('--seed <n>', 'for --arithmetic and --transcripts', integer(0, 2 ** 31), 1)
    .option('--parallel <n>', 'questions at a time; faster, and the last bits of logits may differ', integer(1, 64), 1)
    .option('--max-tokens <n>', 'tokens of an answer', integer(1), answerTokens)
    .option(
      '--overlap <recipe>',
      'measure how much of the answers stands in the text of this recipe; may be repeated',
      repeated,
    )
    .option('--overlap-texts <n>', 'texts of each recipe to look at', integer(1), 100_000)
    .option('--json', 'print one JSON object for each question, and one at the end')
  addEngineOptions(command)
    .addHelpText(
      'after',
      `
Answers are greedy. The questions are those in the folder "evaluation" of the model, or of phi-nano. Intervals
are 95 % (Wilson). docs/world.md says what the kinds are and how answers are scored.

Examples:
  $ phi eval-world
  $ phi eval-world my-model-4bit --limit 20 --transcripts 10 --seed 7
  $ phi eval-world --arithmetic 200 --seed 20260101
  $ phi eval-world --overlap recipes/phi-nano/pretrain.yaml --overlap recipes/phi-nano/chat.yaml`,
    )
    .action(evalWorld)
}

async function evalWorld(name: string | undefined, options: EvalWorldOptions): Promise<void> {
  const place = await modelPlace(name)
  const rows =
    options.arithmetic === undefined
      ? await frozenRows(place.folder, options)
      : drawnRows(options.arithmetic, options.seed)
  const recipes = await Promise.all(
    (options.overlap ?? []).map(async (path) => parseRecipe(await readTextFile(path, 'recipe'), path)),
  )
  const scored = await interruptible(async (signal) => {
    await using model = await openModel(place, { ...options, maxSequences: options.parallel }, signal)
    return await answerAll(model, rows, options, signal)
  })
  const texts = function* (): Generator<string> {
    for (const recipe of recipes) yield* recipeTexts(recipe, options.overlapTexts)
  }
  const overlap =
    recipes.length === 0
      ? undefined
      : measureOverlap(
          scored.map(({ answer }) => answer),
          texts(),
        )
  const summary = summarise(scored)
  if (options.json === true) {
    printJson({ model: place.name, ...summary, ...(overlap === undefined ? {} : { overlap }) })
    return
  }
  print(formatSummary(summary))
  if (overlap !== undefined) printOverlap(overlap, options.overlapTexts * recipes.length)
  printTranscripts(scored, options)
}

/** The questions of the files in the folder `evaluation`, each kind cut to the limit. */
export async function frozenRows(
  folder: string,
  { kind: kinds, limit = Infinity }: Pick<EvalWorldOptions, 'kind' | 'limit'>,
): Promise<EvaluationRow[]> {
  const rows = (await rowsIn(folder)) ?? (await rowsIn(shippedModel))
  if (rows === undefined) {
    throw new PocketPhiError('not-found', 'The questions of the evaluation are not here.', {
      expected: `files in ${join(shippedModel, 'evaluation')}`,
    })
  }
  const known = [...new Set(rows.map(({ kind }) => kind))]
  const unknown = kinds?.find((kind) => !known.includes(kind))
  if (unknown !== undefined) throw new UsageError(`There is no kind "${unknown}". The kinds are: ${known.join(', ')}.`)
  const counts = new Map<string, number>()
  return rows.filter(({ kind }) => {
    if (kinds !== undefined && !kinds.includes(kind)) return false
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    return count <= limit
  })
}

async function rowsIn(folder: string): Promise<EvaluationRow[] | undefined> {
  const tree = localFolder(join(folder, 'evaluation'))
  const names = (await tree.list().catch(() => [])).filter((name) => name.endsWith('.jsonl'))
  if (names.length === 0) return undefined
  const rows: EvaluationRow[] = []
  for (const name of names) rows.push(...parseRows(await tree.readText(name), name))
  return rows
}

function drawnRows(count: number, seed: number): EvaluationRow[] {
  return drawArithmeticQuestions(seed, count).map(({ question, answer }, index) => ({
    id: `drawn-${seed}-${index + 1}`,
    kind: 'drawn arithmetic',
    question,
    check: { type: 'number', value: answer },
  }))
}

/** Answers every question; the result is in the order of the questions, whatever is answered first. */
export async function answerAll(
  model: PhiModel,
  rows: readonly EvaluationRow[],
  { parallel, maxTokens, json }: Pick<EvalWorldOptions, 'parallel' | 'maxTokens' | 'json'>,
  signal: AbortSignal,
): Promise<ScoredRow[]> {
  const scored: ScoredRow[] = []
  const status = new StatusLine(json !== true)
  const queue = rows.entries()
  let [done, right] = [0, 0]
  const work = async (): Promise<void> => {
    for (const [index, row] of queue) {
      const reply = model.chat().answer(messagesOf(row), { temperature: 0, maxTokens, signal })
      const { text, finish } = await readReply(reply, () => {})
      if (finish === 'aborted') throw new PocketPhiError('aborted', 'The evaluation was stopped.')
      const verdict = scoreAnswer(row, text)
      scored[index] = { row, answer: text, verdict }
      done++
      if (verdict.right) right++
      status.show(`${bar(done / rows.length)} ${done} of ${rows.length} questions, ${right} right`)
      if (json === true) printJson({ id: row.id, kind: row.kind, answer: text, ...verdict })
    }
  }
  try {
    await Promise.all(Array.from({ length: parallel }, work))
    return scored
  } finally {
    status.clear()
  }
}

function printOverlap({ answers, grams, gramShare, wholeShare }: Overlap, texts: number): void {
  print(
    `\nOf ${grams} word 8-grams in ${answers} answers ${formatPercent(gramShare)} stand in ${texts} training texts;`,
  )
  print(`of the answers ${formatPercent(wholeShare)} stand there whole.`)
}

function printTranscripts(scored: readonly ScoredRow[], { transcripts, seed }: EvalWorldOptions): void {
  const drawn = new Random(seed).fork('transcripts').shuffle(scored.slice()).slice(0, transcripts)
  for (const { row, answer, verdict } of drawn) {
    print(`\n── ${row.id} (${row.kind}): ${verdict.right ? 'right' : 'wrong'}, ${verdict.reason}`)
    for (const { role, content } of messagesOf(row)) print(`${role}: ${content}`)
    print(`model: ${answer}`)
  }
}
