/** How a model is to answer unless told otherwise: generation_config.json. */
import { isJsonObject } from '../formats/json.ts'
import type { FileTree } from '../formats/tree.ts'
import type { SamplingOptions } from './sampling.ts'

const fileName = 'generation_config.json'

/** The parsed generation_config.json; undefined where there is none. */
export async function readGenerationConfig(tree: FileTree): Promise<unknown> {
  return (await tree.has(fileName)) ? await tree.readJson(fileName) : undefined
}

/**
 * The sampling that a generation_config.json asks for. As in the transformers library, without `do_sample` the most likely
 * token is taken, and with it the temperature is 1 and the choice is among 50 tokens unless the file says else.
 */
export function defaultSampling(config: unknown): SamplingOptions {
  if (!isJsonObject(config)) return { temperature: 0 }
  const given = (option: keyof SamplingOptions, name: string): SamplingOptions => {
    const value = config[name]
    return typeof value === 'number' ? { [option]: value } : {}
  }
  const penalty = given('repetitionPenalty', 'repetition_penalty')
  if (config['do_sample'] !== true) return { temperature: 0, ...penalty }
  return {
    temperature: 1,
    topK: 50,
    ...given('temperature', 'temperature'),
    ...given('topK', 'top_k'),
    ...given('topP', 'top_p'),
    ...given('minP', 'min_p'),
    ...penalty,
  }
}
