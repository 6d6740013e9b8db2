/**
 * Extends the context of a small model eight times, with the factors of LongRoPE's search and with those of other methods, before and
 * after a little training, and writes what was measured as JSON. docs/longrope.md has the prediction and the tables.
 *
 *     npm run longrope:experiment -- --seed 1 [--work runs/longrope-experiment]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { present } from '../src/base/errors.ts'
import { enableWideVectors } from '../src/cli/wide.ts'
import { localFolder, loadTokenizerJson, wasmBackend, type Backend, type Tokenizer } from '../src/index.ts'
import { generatedDocuments } from '../src/longrope/documents.ts'
import { extend, tuningRecipe } from '../src/longrope/extend.ts'
import { parseExtensionPlan, type ExtensionPlan } from '../src/longrope/extension-plan.ts'
import { ntkAware, positionInterpolation, yarn, yarnScale } from '../src/longrope/factors.ts'
import { writeModel } from '../src/longrope/model-folder.ts'
import { longPlan } from '../src/longrope/plans.ts'
import { extended, trainedFrequencies, type ConfigJson } from '../src/longrope/rope-scaling.ts'
import { searchFactors, type SearchResult } from '../src/longrope/search.ts'
import { parseRecipe, type Recipe } from '../src/train/recipe.ts'
import { train } from '../src/train/trainer.ts'
import { lengths, measureModelFolder, type Measurement } from './longrope-measure.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What one seed gave. */
export interface ExperimentResult {
  readonly seed: number
  /** Minutes of a processor core. */
  readonly minutes: number
  /** By name of the model, in the order of the tables. */
  readonly models: Readonly<Record<string, Measurement>>
  /** The search at eight times the length, without training. */
  readonly search: SearchResult
  /** The same with cosines and sines as they are. */
  readonly unscaled: SearchResult
  /** The searches of the extension, by part. */
  readonly extension: Readonly<Record<string, SearchResult>>
}

const [trained, target] = [lengths[0], lengths.at(-1) ?? 0]
const ratio = target / trained

function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** The recipe with other random numbers. */
function recipeOf(seed: number): Recipe {
  const recipe = parseRecipe(readText('recipes/recall/pretrain.yaml'))
  const data = recipe.data.map((entry) => ({ ...entry, seed: entry.seed + 1000 * seed }))
  return { ...recipe, seed, data }
}

/** The plan with other random numbers. */
function planOf(seed: number): ExtensionPlan {
  const plan = parseExtensionPlan(readText('recipes/recall/extend.plan.yaml'))
  const documents = { ...plan.documents, seed: plan.documents.seed + 1000 * seed }
  return { ...plan, documents, search: { ...plan.search, seed } }
}

/** Other methods, which have one table for texts of any length and scales of their own. */
function otherMethods(config: ConfigJson): ReadonlyMap<string, ConfigJson> {
  const frequencies = trainedFrequencies(config)
  const of = (factors: readonly number[], scale: number): ConfigJson => {
    const scales = { short: scale, long: scale }
    return extended(config, { trained, length: target, shortFactors: factors, longFactors: factors, scales })
  }
  return new Map([
    ['PI', of(positionInterpolation(ratio, frequencies.length), 1)],
    ['NTK', of(ntkAware(ratio, frequencies.length), 1)],
    ['YaRN', of(yarn(ratio, frequencies, trained), yarnScale(ratio))],
  ])
}

class Experiment {
  readonly #folder: string
  readonly #plan: ExtensionPlan
  readonly #backend: Backend
  readonly #models: Record<string, Measurement> = {}

  constructor(folder: string, plan: ExtensionPlan, backend: Backend) {
    this.#folder = folder
    this.#plan = plan
    this.#backend = backend
  }

  get models(): Readonly<Record<string, Measurement>> {
    return this.#models
  }

  /** Writes the model under this configuration and measures it. @returns its folder */
  async measure(name: string, weights: string, config?: ConfigJson): Promise<string> {
    const folder = config === undefined ? weights : join(this.#folder, 'models', name.replaceAll(/\W+/g, '-'))
    if (config !== undefined) await writeModel(folder, { texts: weights, weights, config })
    const measured = await measureModelFolder(folder, this.#backend)
    this.#models[name] = measured
    const show = (values: readonly number[]): string => values.map((value) => value.toFixed(3)).join(' ')
    process.stdout.write(`${name.padEnd(24)} ${show(measured.perplexity)}  ${show(measured.passkey)}\n`)
    return folder
  }

  /** LongRoPE's factors without training, under the published scale or another. */
  async search(name: string, model: string, tokenizer: Tokenizer, longScale?: number): Promise<SearchResult> {
    const config = (await localFolder(model).readJson('config.json')) as ConfigJson
    const plan = longPlan(config, {
      length: target,
      keepShort: true,
      ...(longScale === undefined ? {} : { longScale }),
    })
    const documents = generatedDocuments(tokenizer, this.#plan.documents, target)
    const result = await searchFactors(localFolder(model), plan, documents, this.#plan.search, {
      folder: join(this.#folder, 'searches', name.replaceAll(/\W+/g, '-')),
      backend: this.#backend,
      resume: true,
      exact: true,
    })
    await this.measure(name, model, plan.configOf(result.best.factors))
    return result
  }

  /** Trains another method's model for as many steps as LongRoPE's has in all stages together, at the length that is wanted. */
  async tune(name: string, model: string): Promise<void> {
    const stages = this.#plan.stages.map(({ tune }) => present(tune, 'tune'))
    const last = present(stages.at(-1), 'stages')
    const steps = stages.reduce((sum, { schedule }) => sum + schedule.steps, 0)
    const tuning = { ...last, schedule: { ...last.schedule, steps } }
    const config = (await localFolder(model).readJson('config.json')) as ConfigJson
    const folder = join(this.#folder, 'tuned', name)
    const recipe = tuningRecipe(name.toLowerCase(), config, model, tuning, target)
    await train(recipe, { folder, backend: this.#backend, resume: true })
    await this.measure(`${name}, trained`, join(folder, 'final'))
  }

  /** LongRoPE's factors with training between searches, before and after the last of them. */
  async extend(model: string, tokenizer: Tokenizer): Promise<Record<string, SearchResult>> {
    const folder = join(this.#folder, 'extended')
    const searches: Record<string, SearchResult> = {}
    await extend(model, this.#plan, {
      folder,
      backend: this.#backend,
      tokenizer,
      resume: true,
      onFound: (part, result) => (searches[part] = result),
    })
    await this.measure('LongRoPE, trained', join(folder, `${target}/tune/final`))
    await this.measure('LongRoPE, readjusted', join(folder, 'final'))
    return searches
  }
}

async function run(seed: number, work: string): Promise<ExperimentResult> {
  const backend = wasmBackend({ threads: 1, wide: enableWideVectors('training') })
  const folder = join(work, `seed-${seed}`)
  await train(recipeOf(seed), { folder: join(folder, 'pretrain'), backend, resume: true })
  const model = join(folder, 'pretrain/final')
  const tree = localFolder(model)
  const config = (await tree.readJson('config.json')) as ConfigJson
  const tokenizer = loadTokenizerJson(await tree.readJson('tokenizer.json'))
  const experiment = new Experiment(folder, planOf(seed), backend)
  await experiment.measure('as trained', model, { ...config, max_position_embeddings: target })
  const others = new Map<string, string>()
  for (const [name, method] of otherMethods(config)) others.set(name, await experiment.measure(name, model, method))
  const search = await experiment.search('LongRoPE', model, tokenizer)
  const unscaled = await experiment.search('LongRoPE, scale 1', model, tokenizer, 1)
  for (const [name, other] of others) await experiment.tune(name, other)
  const extension = await experiment.extend(model, tokenizer)
  const { user, system } = process.cpuUsage()
  const minutes = (user + system) / 60e6
  return { seed, minutes, models: experiment.models, search, unscaled, extension }
}

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    work: { type: 'string', default: 'runs/longrope-experiment' },
    out: { type: 'string', default: join(root, 'recipes/recall/results') },
  },
})
const result = await run(Number(values.seed), values.work)
mkdirSync(values.out, { recursive: true })
writeFileSync(join(values.out, `seed-${result.seed}.json`), `${JSON.stringify(result, undefined, 1)}\n`)
process.stdout.write(`${result.minutes.toFixed(1)} minutes\n`)
