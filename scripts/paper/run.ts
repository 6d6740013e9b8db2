/**
 * The paper in miniature: trains and measures what recipes/paper/plan.yaml lists, and records each model as JSON in recipes/paper/results.
 * What is recorded is not done again, and a run that was stopped goes on where it was; several of these processes share the work.
 *
 *     npm run paper -- --data FOLDER [--plan FILE] [--work runs/paper] [--out recipes/paper/results]
 *
 * The folder has `corpus/NAME.jsonl.gz` with the texts that recipes/paper/data names, and `benchmarks/gsm8k` and `benchmarks/arc-easy` with their test
 * questions. docs/paper/README.md has the questions, the predictions and the tables.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Backend } from '../../src/backends/backend.ts'
import { tryLock } from '../../src/base/file-lock.ts'
import { enableWideVectors } from '../../src/cli/wide.ts'
import { writeFileAtomic } from '../../src/formats/atomic.ts'
import { localFolder } from '../../src/formats/tree.ts'
import { wasmBackend } from '../../src/index.ts'
import { modelFromConfig, modelParameters } from '../../src/models/index.ts'
import { loadTokenizerJson } from '../../src/text/tokenizer-json.ts'
import type { Recipe } from '../../src/train/recipe.ts'
import { train } from '../../src/train/trainer.ts'
import { measure, type Measures } from './measure.ts'
import { makePairs } from './pairs.ts'
import {
  digestOf,
  dpoRecipe,
  isAligned,
  nameOf,
  paperFolder,
  phaseRecipe,
  places,
  readPlan,
  runsOf,
  sftRecipe,
  usualPlan,
  type PaperRun,
  type Plan,
} from './plan.ts'
import { dataRecipes, prepare } from './prepare.ts'
import { measuredTexts, type MeasuredText, type TextName } from './texts.ts'

/** A model in 16 bits as trained, and rounded to 4 bits. */
export interface BothFormats {
  readonly full: Measures
  readonly fourBits: Measures
}

/** What is recorded of a model. */
export interface PaperResult extends PaperRun {
  readonly parameters: number
  /** Tokens that were learned. */
  readonly tokens: number
  /** What it was trained from: see `digestOf`. */
  readonly recipe: string
  /** Of a processor core, by the process that ended the run; without rounding to 4 bits, and without what was done before a stop. */
  readonly minutes: number
  readonly stages: Readonly<Partial<Record<'pretrained' | 'tuned' | 'preferred', BothFormats>>>
  /** Of the last step: pairs that were made, of so many questions. */
  readonly pairs?: number
}

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** What a run is done with. */
interface Desk {
  readonly plan: Plan
  readonly work: string
  readonly backend: Backend
  readonly texts: Readonly<Record<TextName, MeasuredText>>
}

/** Trains to the end, unless that was done. @returns the folder of the model */
async function trained(recipe: Recipe, folder: string, backend: Backend): Promise<string> {
  const final = join(folder, 'final')
  if (existsSync(final)) return final
  await train(recipe, {
    folder,
    backend,
    resume: true,
    onProgress: ({ step, steps, loss, heldOutLoss }) => {
      if (heldOutLoss === undefined) return
      const losses = `${loss.toFixed(3)}, held out ${heldOutLoss.toFixed(3)}`
      process.stdout.write(`${recipe.name} ${step} of ${steps}: ${losses}\n`)
    },
  })
  // Recorded results are what stays; the steps between are only there to go on from.
  rmSync(join(folder, 'checkpoints'), { recursive: true, force: true })
  return final
}

async function measureBoth(folder: string, { plan, backend, texts }: Desk): Promise<BothFormats> {
  const packed = `${folder}-4bit`
  const options = ['--group', '32', '--eight-bits', 'embed_tokens', '--force']
  execFileSync(process.execPath, [main, 'quantize', folder, packed, ...options], { stdio: 'ignore' })
  const { oneIn } = plan.measures
  return { full: await measure(folder, backend, texts, oneIn), fourBits: await measure(packed, backend, texts, oneIn) }
}

/** Supervised tuning and then preferences, both measured. */
async function align(run: PaperRun, name: string, desk: Desk): Promise<Pick<PaperResult, 'stages' | 'pairs'>> {
  const { plan, work, backend } = desk
  const tuned = await trained(sftRecipe(plan, run, work, name), places.run(work, name, 'sft'), backend)
  const file = join(work, 'runs', name, 'pairs.jsonl')
  // Once: a training that was stopped goes on with the same pairs alone, and answers are drawn in batches.
  if (!existsSync(file)) {
    const { questions } = plan.alignment.dpo
    const pairs = await makePairs(tuned, backend, { questions, seed: 500_000 + run.seed })
    await writeFileAtomic(file, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''))
  }
  const pairs = readFileSync(file, 'utf8').split('\n').length - 1
  const preferred = await trained(dpoRecipe(plan, run, file, work, name), places.run(work, name, 'dpo'), backend)
  return { stages: { tuned: await measureBoth(tuned, desk), preferred: await measureBoth(preferred, desk) }, pairs }
}

async function runOne(run: PaperRun, digest: string, desk: Desk): Promise<PaperResult> {
  const { plan, work, backend } = desk
  const before = process.cpuUsage()
  const name = `${nameOf(run)}-${digest}`
  await trained(phaseRecipe(plan, run, 'first', work, name), places.run(work, name, 'first'), backend)
  const folder = await trained(phaseRecipe(plan, run, 'second', work, name), places.run(work, name, 'second'), backend)
  const pretrained = await measureBoth(folder, desk)
  const aligned = isAligned(plan, run) ? await align(run, name, desk) : undefined
  const { user, system } = process.cpuUsage(before)
  return {
    ...run,
    recipe: digest,
    parameters: await parametersOf(folder),
    tokens: (plan.phases.first.steps + plan.phases.second.steps) * plan.training.batch.rows,
    minutes: (user + system) / 60e6,
    ...aligned,
    stages: { pretrained, ...aligned?.stages },
  }
}

async function parametersOf(folder: string): Promise<number> {
  const model = modelFromConfig(await localFolder(folder).readJson('config.json'))
  return modelParameters(model).reduce((sum, { shape }) => sum + shape.reduce((size, extent) => size * extent, 1), 0)
}

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    plan: { type: 'string', default: usualPlan },
    work: { type: 'string', default: 'runs/paper' },
    out: { type: 'string', default: join(paperFolder, 'results') },
  },
})
if (values.data === undefined) throw new Error('--data is missing: the folder with corpus and benchmarks')
const { data, work, out } = values
const plan = readPlan(values.plan)
const recipes = await dataRecipes()
const locks = join(work, 'locks')
mkdirSync(out, { recursive: true })
mkdirSync(locks, { recursive: true })

/** Whether this very model is recorded. */
function isRecorded(file: string, digest: string): boolean {
  return existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as PaperResult).recipe === digest
}

const otherPlace = 'choose another folder with --work.'
let preparing = tryLock(join(locks, 'prepare'), otherPlace)
while (preparing === undefined) {
  await setTimeout(1000)
  preparing = tryLock(join(locks, 'prepare'), otherPlace)
}
await prepare(plan, recipes, join(data, 'corpus'), work)
preparing.close()
const tokenizer = loadTokenizerJson(await localFolder(places.tokenizer(work)).readJson('tokenizer.json'))
const backend = wasmBackend({ threads: 1, wide: enableWideVectors('training') })
const texts = await measuredTexts(plan, recipes, tokenizer, data, work)
const desk: Desk = { plan, work, backend, texts }
for (const run of runsOf(plan)) {
  const file = join(out, `${nameOf(run)}.json`)
  const digest = digestOf(plan, run, recipes)
  const lock = isRecorded(file, digest) ? undefined : tryLock(join(locks, nameOf(run)), otherPlace)
  if (lock === undefined) continue
  try {
    const result = await runOne(run, digest, desk)
    await writeFileAtomic(file, `${JSON.stringify(result, undefined, 1)}\n`)
    process.stdout.write(`${nameOf(run)}: ${result.minutes.toFixed(1)} minutes\n`)
  } finally {
    lock.close()
  }
}
