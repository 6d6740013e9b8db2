/** Loading a model as the options say, and how it answers unless told otherwise. */
import { loadModel } from '../engine/load-model.ts'
import type { GenerateOptions } from '../engine/generate.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import type { SamplingOptions } from '../engine/sampling.ts'
import { isJsonObject } from '../formats/json.ts'
import { localFolder } from '../formats/tree.ts'
import { chooseBackend, given, samplingOf, type EngineOptions, type GenerationOptions } from './options.ts'
import { progressOn, StatusLine } from './terminal.ts'

/** Loads a model from a folder and shows how far it is. */
export async function openModel(folder: string, options: EngineOptions, signal?: AbortSignal): Promise<PhiModel> {
  const status = new StatusLine()
  try {
    return await loadModel(folder, {
      ...given({ context: options.context, exact: options.exact, signal }),
      backend: chooseBackend(options),
      onProgress: progressOn(status),
    })
  } finally {
    status.clear()
  }
}

/**
 * How a model's own generation_config.json has it answer. As in the transformers library, without `do_sample` the most
 * likely token is taken, and with it the temperature is 1 and the choice is among 50 tokens unless the file says else.
 */
export async function defaultSampling(folder: string): Promise<SamplingOptions> {
  const tree = localFolder(folder)
  if (!(await tree.has('generation_config.json'))) return { temperature: 0 }
  const config = await tree.readJson('generation_config.json')
  return isJsonObject(config) ? samplingOfConfig(config) : { temperature: 0 }
}

function samplingOfConfig(config: Readonly<Record<string, unknown>>): SamplingOptions {
  const number = (name: string): number | undefined => {
    const value = config[name]
    return typeof value === 'number' ? value : undefined
  }
  const repetitionPenalty = number('repetition_penalty')
  if (config['do_sample'] !== true) return { temperature: 0, ...given({ repetitionPenalty }) }
  return {
    temperature: number('temperature') ?? 1,
    topK: number('top_k') ?? 50,
    ...given({ topP: number('top_p'), minP: number('min_p'), repetitionPenalty }),
  }
}

/** What to generate with: the options that were given, over the model's own. */
export async function generateOptions(folder: string, options: GenerationOptions): Promise<GenerateOptions> {
  const { seed, maxTokens, stop } = options
  return { ...(await defaultSampling(folder)), ...samplingOf(options), ...given({ seed, maxTokens, stop }) }
}
