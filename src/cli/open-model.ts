/** Loading a model as the options say, and how it answers unless told otherwise. */
import type { ModelPlace } from '../engine/find-model.ts'
import { loadModel } from '../engine/load-model.ts'
import type { GenerateOptions } from '../engine/generate.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import { chooseBackend, given, samplingOf, type EngineOptions, type GenerationOptions } from './options.ts'
import { progressOn, StatusLine } from './terminal.ts'

/** Loads a model and shows how far it is. */
export async function openModel(place: ModelPlace, options: EngineOptions, signal?: AbortSignal): Promise<PhiModel> {
  const status = new StatusLine()
  try {
    return await loadModel(place.tree, {
      ...given({ context: options.context, exact: options.exact, weightsFile: place.weightsFile, signal }),
      backend: chooseBackend(options),
      onProgress: progressOn(status),
    })
  } finally {
    status.clear()
  }
}

/** What to generate with: the options that were given, over the model's own. */
export function generateOptions(model: Pick<PhiModel, 'sampling'>, options: GenerationOptions): GenerateOptions {
  const { seed, maxTokens, stop } = options
  return {
    ...model.sampling,
    ...samplingOf(options),
    ...given({ seed, maxTokens, stop }),
  }
}
