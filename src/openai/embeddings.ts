/** Vectors of texts in OpenAI's shape: requests read, vectors written. */
import type { Embedding } from '../engine/embed.ts'
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import { RequestError } from './errors.ts'
import { invalid, isCount, isFields, isString, optional, unsupported } from './fields.ts'
import { refuseOthers } from './options.ts'
import { readPrompts, type TextPrompt } from './prompts.ts'
import type { EmbeddingsResponse } from './types.ts'

/** What is needed of a model to make vectors of texts: `PhiModel` has it, and so has `RemoteModel`. */
export interface EmbeddingModel {
  /** Makes vectors of texts, as `PhiModel.embed`. */
  embed(texts: readonly TextPrompt[], options?: { readonly signal?: AbortSignal }): Promise<readonly Embedding[]>
}

/** A request that was understood. */
export interface EmbeddingTask {
  readonly inputs: readonly TextPrompt[]
  /** Whether vectors are the bytes of their float32 values, least first, in base64. */
  readonly isBase64: boolean
  /** How many values a vector is asked to have. */
  readonly dimensions: number | undefined
  readonly model: string | undefined
}

const understood: ReadonlySet<string> = new Set(['input', 'model', 'encoding_format', 'dimensions', 'user'])

/** OpenAI's limit. */
const mostInputs = 2048

/**
 * Reads a request. Nothing in it is believed, since it may come from a network.
 *
 * @throws RequestError naming the parameter
 */
export function readEmbeddingRequest(request: unknown): EmbeddingTask {
  if (!isFields(request)) throw invalid('body', 'an object with "input"', request)
  refuseOthers(request, understood, {})
  const format = request['encoding_format'] ?? 'float'
  if (format !== 'float' && format !== 'base64') throw unsupported('encoding_format', '"float" or "base64"', format)
  optional(request, 'user', isString, 'a text')
  return {
    inputs: readPrompts(request, 'input', mostInputs),
    isBase64: format === 'base64',
    dimensions: optional(request, 'dimensions', isCount(Number.MAX_SAFE_INTEGER), 'an integer of at least 1'),
    model: optional(request, 'model', isString, 'the name of a model'),
  }
}

/**
 * Makes the vectors that are asked for, one after another.
 *
 * @param name of the model in the answer
 * @throws RequestError for a number of dimensions that the model does not have, and for a text that is empty or too long, by its
 *   number; PocketPhiError `aborted`, what the engine throws
 */
export async function embedInputs(
  model: EmbeddingModel,
  task: EmbeddingTask,
  name: string,
  signal: AbortSignal,
): Promise<EmbeddingsResponse> {
  const data: EmbeddingsResponse['data'] = []
  let tokens = 0
  for (const [index, input] of task.inputs.entries()) {
    throwIfAborted(signal)
    const embedding = await embedOne(model, input, index, signal)
    checkDimensions(task, embedding)
    tokens += embedding.tokens
    const { vector } = embedding
    data.push({ object: 'embedding', index, embedding: task.isBase64 ? base64Of(vector) : [...vector] })
  }
  return { object: 'list', data, model: name, usage: { prompt_tokens: tokens, total_tokens: tokens } }
}

async function embedOne(
  model: EmbeddingModel,
  input: TextPrompt,
  index: number,
  signal: AbortSignal,
): Promise<Embedding> {
  try {
    const [embedding] = await model.embed([input], { signal })
    if (embedding === undefined) throw new Error('defect: no vector was made')
    return embedding
  } catch (error) {
    throw inputError(error, `input[${index}]`)
  }
}

/** What is said of a text that is at fault. */
function inputError(error: unknown, param: string): unknown {
  const reasons: Readonly<Record<string, string>> = {
    'context-full': 'context_length_exceeded',
    'invalid-argument': 'invalid_value',
  }
  const reason = error instanceof PocketPhiError ? reasons[error.code] : undefined
  if (!(error instanceof PocketPhiError) || reason === undefined) return error
  const { problem, expected, found, remedy } = error
  return new RequestError(param, reason, problem, {
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
    ...(remedy === undefined ? {} : { remedy }),
  })
}

function checkDimensions({ dimensions }: EmbeddingTask, { vector }: Embedding): void {
  if (dimensions === undefined || dimensions === vector.length) return
  throw new RequestError(
    'dimensions',
    'unsupported_value',
    'The vectors of this model have another number of values.',
    {
      expected: String(vector.length),
      found: String(dimensions),
      remedy: 'Leave it out: the model was not trained so that a part of a vector would do.',
    },
  )
}

/** The values as float32, the least byte first. */
function base64Of(vector: Float32Array): string {
  const bytes = new DataView(new ArrayBuffer(vector.length * 4))
  vector.forEach((value, at) => bytes.setFloat32(at * 4, value, true))
  return btoa(Array.from(new Uint8Array(bytes.buffer), (byte) => String.fromCharCode(byte)).join(''))
}
