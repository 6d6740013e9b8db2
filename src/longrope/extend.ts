/** The progressive extension of LongRoPE (Ding et al., 2024, section 3.3): searches, with training between them. */
import { join } from 'node:path'
import type { Backend } from '../backends/backend.ts'
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import type { AtomicOptions } from '../formats/atomic.ts'
import { localFolder } from '../formats/tree.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { checkedRecipe, type Recipe } from '../train/recipe.ts'
import { train, type TrainingProgress } from '../train/trainer.ts'
import { generatedDocuments } from './documents.ts'
import type { ExtensionPlan, Tuning } from './extension-plan.ts'
import { writeModel } from './model-folder.ts'
import { longPlan, shortPlan, type SearchPlan } from './plans.ts'
import type { ConfigJson } from './rope-scaling.ts'
import { searchFactors, type SearchProgress, type SearchResult } from './search.ts'

/** A part of an extension that is over or under way: `256/search`, `256/tune`, `readjust`. */
export type ExtensionPart = string

export interface ExtendOptions extends AtomicOptions {
  /** The folder of the run: a folder for each part, and the finished model in `final`. */
  readonly folder: string
  readonly backend: Backend
  /** Of the model that is extended. */
  readonly tokenizer: Tokenizer
  readonly resume?: boolean
  readonly signal?: AbortSignal
  readonly onSearch?: (part: ExtensionPart, progress: SearchProgress) => void
  readonly onFound?: (part: ExtensionPart, result: SearchResult) => void
  readonly onTraining?: (part: ExtensionPart, progress: TrainingProgress) => void
}

/**
 * Extends a model as the plan says. Every part is a search or a training run with a folder of its own, which a resumed run takes up
 * where it was left: what was finished is read again, not made again.
 *
 * @param model the folder of a model with float weights in safetensors
 * @throws PocketPhiError as `searchFactors` and `train`
 */
export async function extend(model: string, plan: ExtensionPlan, options: ExtendOptions): Promise<void> {
  const extension = new Extending(model, plan, options)
  let folder = model
  for (const stage of plan.stages) folder = await extension.stage(folder, stage)
  if (plan.readjust !== undefined) folder = await extension.readjust(folder, plan.readjust.most)
  const config = await configIn(folder)
  await writeModel(join(options.folder, 'final'), { texts: model, weights: folder, config }, options)
}

async function configIn(folder: string): Promise<ConfigJson> {
  return (await localFolder(folder).readJson('config.json')) as ConfigJson
}

class Extending {
  readonly #model: string
  readonly #plan: ExtensionPlan
  readonly #options: ExtendOptions

  constructor(model: string, plan: ExtensionPlan, options: ExtendOptions) {
    this.#model = model
    this.#plan = plan
    this.#options = options
  }

  /** @returns the folder of the model after it */
  async stage(folder: string, { length, tune }: ExtensionPlan['stages'][number]): Promise<string> {
    const searched = await this.#search(folder, `${length}/search`, (config) => longPlan(config, { length }))
    return tune === undefined ? searched : await this.#tune(searched, `${length}/tune`, tune, length)
  }

  async readjust(folder: string, most: number): Promise<string> {
    return await this.#search(folder, 'readjust', (config) => shortPlan(config, most))
  }

  async #search(folder: string, part: ExtensionPart, planFor: (config: ConfigJson) => SearchPlan): Promise<string> {
    const { onSearch, onFound, tokenizer, ...options } = this.#options
    throwIfAborted(options.signal)
    const plan = planFor(await configIn(folder))
    const documents = generatedDocuments(tokenizer, this.#plan.documents, plan.length)
    const into = join(options.folder, part)
    const result = await searchFactors(localFolder(folder), plan, documents, this.#plan.search, {
      ...options,
      folder: into,
      onProgress: (progress) => onSearch?.(part, progress),
    })
    onFound?.(part, result)
    const config = plan.configOf(result.best.factors)
    const out = join(into, 'final')
    await writeModel(out, { texts: this.#model, weights: folder, config }, options)
    return out
  }

  async #tune(folder: string, part: ExtensionPart, tuning: Tuning, length: number): Promise<string> {
    const { onTraining, folder: root, backend, resume, signal, faults } = this.#options
    const into = join(root, part)
    const recipe = tuningRecipe(part, await configIn(folder), folder, tuning, length)
    await train(recipe, {
      folder: into,
      backend,
      ...(resume === undefined ? {} : { resume }),
      ...(signal === undefined ? {} : { signal }),
      ...(faults === undefined ? {} : { faults }),
      onProgress: (progress) => onTraining?.(part, progress),
    })
    return join(into, 'final')
  }
}

/**
 * The recipe of a training that goes on from this folder at this length.
 *
 * @param model the configuration that it trains under
 * @throws PocketPhiError `invalid-config` where a batch cannot hold a text of this length
 */
export function tuningRecipe(part: string, model: ConfigJson, folder: string, tuning: Tuning, length: number): Recipe {
  if (tuning.batch.rows < length) {
    throw new PocketPhiError('invalid-config', 'A batch of the training cannot hold a text of the new length.', {
      expected: `"batch.rows" of at least ${length}`,
      found: String(tuning.batch.rows),
    })
  }
  const recipe = {
    ...tuning,
    name: part.replaceAll('/', '-'),
    description: `Training between two searches of LongRoPE, at ${length} tokens.`,
    model,
    tokenizer: { folder },
    initial: folder,
    batch: { ...tuning.batch, context: length },
  }
  return checkedRecipe(recipe, part)
}
