/** Loading a model as the options say, and how it answers unless told otherwise. */
import type { Backend } from '../backends/backend.ts'
import { PocketPhiError } from '../base/errors.ts'
import type { ModelPlace } from '../engine/find-model.ts'
import { loadModel, type LoadModelOptions } from '../engine/load-model.ts'
import { machineMemory } from '../engine/machine-memory.ts'
import { explainRefusal, shapeOf } from './memory-check.ts'
import type { GenerateOptions } from '../engine/generate.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import { selectBackend, withSelected } from '../engine/select-backend.ts'
import { UsageError } from './errors.ts'
import { given, samplingOf, type EngineOptions, type GenerationOptions } from './options.ts'
import { modelPlace } from './model-folder.ts'
import { checkpointFacts } from './checkpoint-facts.ts'
import { expertsLine } from './reply.ts'
import { dim, note, progressOn, StatusLine } from './terminal.ts'
import { enableWideVectors } from './wide.ts'

/** How a model is opened; `profile` as in `WasmOptions`. */
type OpenOptions = EngineOptions &
  Pick<LoadModelOptions, 'maxSequences' | 'cacheTokens'> & { readonly profile?: boolean }

/**
 * Loads a model and shows how far it is.
 *
 * @throws PocketPhiError `out-of-memory` before any weights are read, with the plan and the largest context that fits; as
 * `loadModel`
 * @throws UsageError for an option that the model cannot take, such as a longer context than its own
 */
export async function openModel(place: ModelPlace, options: OpenOptions, signal?: AbortSignal): Promise<PhiModel> {
  const status = new StatusLine()
  const { context, exact, cacheType, maxSequences, cacheTokens, memory, expertCache, profile = false } = options
  const machine = memory === undefined ? machineMemory() : undefined
  const backend = await selectBackend(options.backend, {
    gpuArithmetic: options.gpuArithmetic,
    exact,
    wasm: async () => {
      const wide = (await wantsWideVectors(place, options)) && enableWideVectors('answers', options.threads)
      return { ...given({ threads: options.threads }), wide, profile }
    },
    onlyWasm: whatOnlyWasmHas(options),
  })
  const loading = {
    ...given({
      context,
      exact,
      cacheType,
      maxSequences,
      cacheTokens,
      expertCache,
      weightsFile: place.weightsFile,
      signal,
    }),
    memoryLimit: memory ?? machine?.available ?? Infinity,
    onProgress: progressOn(status),
  }
  let refusing: Backend = backend
  try {
    return await withSelected(backend, async (taken) => {
      refusing = taken
      const model = await loadModel(place.tree, { ...loading, backend: taken })
      status.clear()
      const { experts } = model.memory
      if (experts !== undefined) note(dim(expertsLine(experts)))
      return model
    })
  } catch (error) {
    // What is given here are options of the command.
    if (error instanceof PocketPhiError && error.code === 'invalid-argument') throw new UsageError(error.message)
    throw await explainRefusal(error, place.tree, refusing, loading, machine)
  } finally {
    status.clear()
  }
}

/** What was asked for that only wasm has: who asks for it does not mean a GPU. */
function whatOnlyWasmHas({ threads, wide, profile, expertCache }: OpenOptions): string | undefined {
  if (expertCache !== undefined) return 'a cache of experts'
  if (threads !== undefined) return 'a number of threads'
  if (wide === true) return "V8's 256-bit vectors"
  return profile === true ? 'a profile' : undefined
}

/**
 * From here on answers gain more from wide vectors than the test of them takes: because loading takes longer, or, where several
 * sequences share batches, because these are bound by arithmetic, as prompts are.
 */
const leastWideBytes = { alone: 250e6, shared: 50e6 }

async function wantsWideVectors(
  { folder, weightsFile }: ModelPlace,
  { wide, maxSequences = 1 }: OpenOptions,
): Promise<boolean> {
  if (wide !== undefined) return wide
  const { bytes } = await checkpointFacts(folder, weightsFile)
  return bytes > (maxSequences > 1 ? leastWideBytes.shared : leastWideBytes.alone)
}

/**
 * Loads the model of `--draft`, with room for the texts of the other as far as it takes them: beyond its own context it guesses nothing.
 *
 * @param name that of the other model, as it was called
 * @throws PocketPhiError `invalid-argument` for one of another vocabulary, before its weights are read; as `openModel`
 */
export async function openDraft(
  model: PhiModel,
  name: string,
  options: OpenOptions & Pick<GenerationOptions, 'draft'>,
  signal?: AbortSignal,
): Promise<PhiModel | undefined> {
  if (options.draft === undefined) return undefined
  const place = await modelPlace(options.draft)
  const { vocabulary, maxPositions } = await shapeOf(place.tree, place.weightsFile)
  if (vocabulary !== model.engine.vocabulary) {
    throw new PocketPhiError('invalid-argument', `${place.name} cannot guess for ${name}: it has another vocabulary.`, {
      expected: `${model.engine.vocabulary} tokens`,
      found: String(vocabulary),
      remedy: 'Use a smaller model of the same family.',
    })
  }
  return await openModel(place, { ...options, context: Math.min(model.context, maxPositions) }, signal)
}

/** What to generate with: the options that were given, over the model's own. */
export function generateOptions(
  model: Pick<PhiModel, 'sampling'>,
  options: GenerationOptions,
  draft?: PhiModel,
): GenerateOptions {
  const { seed, maxTokens, stop, speculate } = options
  return {
    ...model.sampling,
    ...samplingOf(options),
    ...given({ seed, maxTokens, stop, speculate, draft }),
  }
}
