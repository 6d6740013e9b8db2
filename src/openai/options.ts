/** What requests for chats and for texts have in common. */
import { describe, quoted } from '../base/describe.ts'
import type { GenerateOptions } from '../engine/generate.ts'
import { RequestError } from './errors.ts'
import {
  invalid,
  isBetween,
  isBoolean,
  isCount,
  isFields,
  isSafeInteger,
  isShare,
  isStop,
  isString,
  optional,
  type Fields,
} from './fields.ts'

/** The options of the engine that a request can set. */
export type AnswerOptions = Pick<
  GenerateOptions,
  | 'temperature'
  | 'topP'
  | 'maxTokens'
  | 'stop'
  | 'seed'
  | 'format'
  | 'showSpecial'
  | 'logitBias'
  | 'logprobs'
  | 'signal'
>

/** What a request asks for, whatever it is that is to be continued. */
export interface AnswerTask {
  readonly options: Omit<AnswerOptions, 'signal'>
  /** How many answers are wanted to each prompt. */
  readonly choices: number
  readonly stream: boolean
  readonly includeUsage: boolean
  /** The name of a model as the request has it. */
  readonly model: string | undefined
}

/** The parameters that `readTask` reads. */
export const commonParameters = [
  ...['model', 'stream', 'stream_options', 'temperature', 'top_p', 'stop', 'seed', 'n', 'user'],
  ...['logit_bias', 'logprobs'],
]

/** Values of parameters that are not built which ask for nothing. */
export type NeutralValues = Readonly<Record<string, (value: unknown) => boolean>>

/** Those of parameters that both kinds of requests have. */
export const commonNeutral: NeutralValues = {
  frequency_penalty: (value) => value === 0,
  presence_penalty: (value) => value === 0,
}

/** OpenAI's limits. */
const mostChoices = 128
const mostBias = 100
/** The most alternatives that are told of a token. */
export const mostAlternatives = 20

/**
 * Reads what all requests have.
 *
 * @param limit tokens of an answer at most
 * @param logprobs of how many likeliest tokens the probability is told; undefined for none, not even of the token that was drawn
 * @throws RequestError naming the parameter
 */
export function readTask(request: Fields, limit: number | undefined, logprobs: number | undefined): AnswerTask {
  const stream = optional(request, 'stream', isBoolean, 'true or false') ?? false
  const options = {
    temperature: optional(request, 'temperature', isBetween(0, 2), 'a number from 0 to 2'),
    topP: optional(request, 'top_p', isShare, 'a number above 0, at most 1'),
    maxTokens: limit,
    stop: optional(request, 'stop', isStop, 'a text, or a list of texts, none of them empty'),
    seed: optional(request, 'seed', isSafeInteger, 'an integer'),
    logitBias: readBias(request),
    logprobs,
  }
  return {
    options: Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
    choices: optional(request, 'n', isCount(mostChoices), `an integer from 1 to ${mostChoices}`) ?? 1,
    stream,
    includeUsage: readStreamOptions(request, stream),
    model: optional(request, 'model', isString, 'the name of a model'),
  }
}

/** @throws RequestError for the first parameter that is not understood, unless its value asks for nothing */
export function refuseOthers(request: Fields, understood: ReadonlySet<string>, neutral: NeutralValues): void {
  for (const [name, value] of Object.entries(request)) {
    if (understood.has(name) || value === undefined || value === null) continue
    if (Object.hasOwn(neutral, name) && neutral[name]?.(value) === true) continue
    throw new RequestError(name, 'unsupported_parameter', `The parameter ${quoted(name)} is not supported.`, {
      expected: [...understood].join(', '),
      found: describe(value),
      remedy: 'Leave it out.',
    })
  }
}

function readBias(request: Fields): ReadonlyMap<number, number> | undefined {
  const given = optional(request, 'logit_bias', isFields, 'an object with numbers for token ids')
  if (given === undefined) return undefined
  const isBias = isBetween(-mostBias, mostBias)
  const biases = Object.entries(given).map(([id, bias]) => {
    if (!/^\d{1,9}$/.test(id)) throw invalid('logit_bias', 'token ids as names', id)
    if (!isBias(bias)) throw invalid(`logit_bias.${id}`, `a number from -${mostBias} to ${mostBias}`, bias)
    return [Number(id), bias] as const
  })
  return biases.length === 0 ? undefined : new Map(biases)
}

function readStreamOptions(request: Fields, stream: boolean): boolean {
  const options = optional(request, 'stream_options', isFields, 'an object')
  if (options === undefined) return false
  if (!stream) throw invalid('stream_options', 'it only together with "stream": true', options)
  for (const name of Object.keys(options)) {
    if (name === 'include_usage' || (name === 'include_obfuscation' && options[name] === false)) continue
    throw new RequestError(
      `stream_options.${name}`,
      'unsupported_parameter',
      `The option ${quoted(name)} is not supported.`,
      {
        expected: 'include_usage',
        remedy: 'Leave it out.',
      },
    )
  }
  return optional(options, 'include_usage', isBoolean, 'true or false', 'stream_options.') ?? false
}
