/** What `phi eval` measures: models that are loaded here, and models behind servers. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PocketPhiError } from '../base/errors.ts'
import { openModelFiles } from '../engine/model-files.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import type { AnswerHeader } from '../eval/benchmarks/answers.ts'
import { EndpointSubject } from '../eval/benchmarks/endpoint-subject.ts'
import { LocalSubject } from '../eval/benchmarks/local-subject.ts'
import type { Subject } from '../eval/benchmarks/subject.ts'
import { localFolder } from '../formats/tree.ts'
import { modelFromConfig } from '../models/index.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { endpointOf } from './endpoint.ts'
import { modelPlace } from './model-folder.ts'
import { openModel } from './open-model.ts'
import type { EngineOptions } from './options.ts'
import type { NamedModel } from './resolve-model.ts'
import { readTextFiles } from './text-files.ts'

export interface CandidateOptions extends EngineOptions {
  /** Questions at a time. */
  readonly parallel: number
  /** Tokens that texts are to have: the context is to be as long. */
  readonly lengths?: readonly number[]
  /** A model whose tokenizer counts the tokens of texts for servers. */
  readonly tokenizer?: string
}

/** Something to be measured: its name, what else decides its answers, and how it is opened. */
export interface Candidate {
  readonly name: string
  readonly settings: AnswerHeader['settings']
  /** What counts the tokens of a text; undefined where that is not known. */
  readonly tokenizer: (() => Promise<Tokenizer>) | undefined
  /** Whether it can be shown pictures; undefined where that is not known. */
  readonly sees: boolean | undefined
  readonly open: (signal: AbortSignal) => Promise<Subject>
}

/**
 * What was typed as MODEL.
 *
 * @throws PocketPhiError as `modelPlace`; of a server without a name behind it what asking for the names of its models throws
 */
export async function candidateOf(model: string, options: CandidateOptions): Promise<Candidate> {
  if (/^https?:\/\//.test(model)) return await endpointCandidate(model, options)
  return await localCandidate(await modelPlace(model), options)
}

async function endpointCandidate(typed: string, { tokenizer: named }: CandidateOptions): Promise<Candidate> {
  const endpoint = await endpointOf(typed)
  const { url, model } = endpoint
  const open = (): Promise<Subject> => Promise.resolve(new EndpointSubject(endpoint))
  const tokenizer = named === undefined ? undefined : () => tokenizerOf(named)
  return { name: `${model}@${new URL(url).host}`, settings: { url }, tokenizer, sees: undefined, open }
}

async function tokenizerOf(model: string): Promise<Tokenizer> {
  const { folder, weightsFile } = await modelPlace(model, 'tokenizer')
  return (await readTextFiles(folder, weightsFile)).tokenizer
}

async function localCandidate(place: NamedModel, options: CandidateOptions): Promise<Candidate> {
  const { open, ...named } = await measuredModel(place, options)
  return { ...named, open: async (signal) => new LocalSubject(await open(signal)) }
}

/**
 * A model that is loaded here to be measured. Its context does not depend on the memory that happens to be free: scores should not either.
 *
 * @throws PocketPhiError as `openModelFiles`
 */
export async function measuredModel(
  place: NamedModel,
  options: CandidateOptions,
): Promise<Omit<Candidate, 'open'> & { readonly open: (signal: AbortSignal) => Promise<PhiModel> }> {
  const { cacheType = 'default', exact = false, gpuArithmetic = 'f32', parallel: maxSequences } = options
  const longest = Math.max(0, ...(options.lengths ?? []))
  const { shape, vision } = await definitionOf(place)
  const context = options.context ?? Math.min(Math.max(largestContext, longest), shape.maxPositions)
  if (longest > context) throw tooLong(place.name, longest, context)
  return {
    name: place.name,
    settings: { weights: await weightsStamp(place), context, cacheType, exact, gpuArithmetic },
    tokenizer: async () => (await readTextFiles(place.folder, place.weightsFile)).tokenizer,
    sees: vision !== undefined,
    open: async (signal) => await openModel(place, { ...options, context, maxSequences }, signal),
  }
}

function tooLong(name: string, found: number, most: number): PocketPhiError {
  return new PocketPhiError('invalid-argument', `Texts of ${found} tokens are too long for ${name}.`, {
    expected: `at most ${most}, its context`,
    remedy: 'Choose fewer with --lengths, or a longer context with --context where the model has it.',
  })
}

/** Tokens of a text unless told otherwise: enough for the prompts of all benchmarks. */
const largestContext = 4096

async function definitionOf({ tree, weightsFile }: NamedModel): Promise<ReturnType<typeof modelFromConfig>> {
  const files = await openModelFiles(tree, weightsFile)
  try {
    return modelFromConfig(await files.config())
  } finally {
    await files.close()
  }
}

/** Bytes and latest change of the weights: a model that was trained further under its name is another one. */
async function weightsStamp({ folder, weightsFile }: NamedModel): Promise<string> {
  const all = weightsFile === undefined ? await localFolder(folder).list() : [weightsFile]
  const files = all.filter((name) => /\.(?:safetensors|gguf)$/i.test(name))
  const stats = await Promise.all(files.map((name) => stat(join(folder, name))))
  const bytes = stats.reduce((sum, { size }) => sum + size, 0)
  return `${bytes} bytes of ${new Date(Math.max(0, ...stats.map(({ mtimeMs }) => mtimeMs))).toISOString()}`
}
