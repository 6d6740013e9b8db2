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
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
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
  dpoRecipe,
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
import { prepare } from './prepare.ts'
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
  /** Of a processor core, by training and measuring. */
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
    onProgress: ({ step, steps, loss }) => {
      if (step % 50 === 0) process.stdout.write(`${recipe.name} ${step} of ${steps}: ${loss.toFixed(3)}\n`)
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
async function align(run: PaperRun, desk: Desk): Promise<Pick<PaperResult, 'stages' | 'pairs'>> {
  const { plan, work, backend } = desk
  const name = nameOf(run)
  const tuned = await trained(sftRecipe(plan, run, work), places.run(work, name, 'sft'), backend)
  const { questions } = plan.alignment.dpo
  const pairs = await makePairs(tuned, backend, { questions, seed: 500_000 + run.seed })
  const file = join(work, 'runs', name, 'pairs.jsonl')
  await writeFileAtomic(file, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''))
  const preferred = await trained(dpoRecipe(plan, run, file, work), places.run(work, name, 'dpo'), backend)
  const stages = { tuned: await measureBoth(tuned, desk), preferred: await measureBoth(preferred, desk) }
  return { stages, pairs: pairs.length }
}

async function runOne(run: PaperRun, desk: Desk): Promise<PaperResult> {
  const { plan, work, backend } = desk
  const before = process.cpuUsage()
  const name = nameOf(run)
  await trained(phaseRecipe(plan, run, 'first', work), places.run(work, name, 'first'), backend)
  const folder = await trained(phaseRecipe(plan, run, 'second', work), places.run(work, name, 'second'), backend)
  const pretrained = await measureBoth(folder, desk)
  const { size, arm } = plan.alignment.of
  const aligned = run.size === size && run.arm === arm ? await align(run, desk) : undefined
  const { user, system } = process.cpuUsage(before)
  return {
    ...run,
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
mkdirSync(out, { recursive: true })
mkdirSync(join(work, 'locks'), { recursive: true })
await prepare(plan, join(data, 'corpus'), work)
const tokenizer = loadTokenizerJson(await localFolder(places.tokenizer(work)).readJson('tokenizer.json'))
const backend = wasmBackend({ threads: 1, wide: enableWideVectors('training') })
const desk: Desk = { plan, work, backend, texts: await measuredTexts(plan, tokenizer, data, work) }
for (const run of runsOf(plan)) {
  const file = join(out, `${nameOf(run)}.json`)
  const lock = existsSync(file) ? undefined : tryLock(join(work, 'locks', nameOf(run)), 'choose another with --work.')
  if (lock === undefined) continue
  try {
    const result = await runOne(run, desk)
    await writeFileAtomic(file, `${JSON.stringify(result, undefined, 1)}\n`)
    process.stdout.write(`${nameOf(run)}: ${result.minutes.toFixed(1)} minutes\n`)
  } finally {
    lock.close()
  }
}
