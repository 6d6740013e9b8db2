/** From a request to what the engine is asked for. Pure: a server reads bodies with it as the client reads arguments. */
import { describe, quoted } from '../base/describe.ts'
import type { GenerateOptions } from '../engine/generate.ts'
import type { PicturedMessage } from '../engine/picture-text.ts'
import { RequestError } from './errors.ts'
import { invalid, isFields, unsupported, type Fields } from './fields.ts'
import { readImage, type RequestImage } from './images.ts'

/** The options of the engine that a request can set. */
export type AnswerOptions = Pick<GenerateOptions, 'temperature' | 'topP' | 'maxTokens' | 'stop' | 'seed' | 'signal'>

/** A request that was understood. */
export interface CompletionTask {
  readonly messages: readonly PicturedMessage<RequestImage>[]
  readonly options: Omit<AnswerOptions, 'signal'>
  /** How many answers are wanted. */
  readonly choices: number
  readonly stream: boolean
  readonly includeUsage: boolean
  /** The name of a model as the request has it. */
  readonly model: string | undefined
}

const understood: ReadonlySet<string> = new Set([
  ...['messages', 'model', 'stream', 'stream_options', 'temperature', 'top_p', 'max_tokens', 'max_completion_tokens'],
  ...['stop', 'seed', 'n', 'user'],
])

/** Values of parameters that are not built which ask for nothing: what clients send that fill in every default. */
const neutral: Readonly<Record<string, (value: unknown) => boolean>> = {
  frequency_penalty: (value) => value === 0,
  presence_penalty: (value) => value === 0,
  logprobs: (value) => value === false,
  top_logprobs: (value) => value === 0,
  logit_bias: (value) => typeof value === 'object' && value !== null && Object.keys(value).length === 0,
  response_format: (value) => isFields(value) && value['type'] === 'text',
  store: (value) => value === false,
  tools: (value) => Array.isArray(value) && value.length === 0,
  tool_choice: (value) => value === 'none',
}

const roles: Readonly<Record<string, string>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
}

/** OpenAI's limit. */
const mostChoices = 128

/**
 * Reads a request. Nothing in it is believed, since it may come from a network.
 *
 * @throws RequestError naming the parameter: one that is not built or not known, or a value that cannot be used
 */
export function readRequest(request: unknown): CompletionTask {
  if (!isFields(request)) throw invalid('body', 'an object with "messages"', request)
  refuseOthers(request)
  const stream = optional(request, 'stream', isBoolean, 'true or false') ?? false
  const options = {
    temperature: optional(request, 'temperature', isBetween(0, 2), 'a number from 0 to 2'),
    topP: optional(request, 'top_p', isShare, 'a number above 0, at most 1'),
    maxTokens: readLimit(request),
    stop: optional(request, 'stop', isStop, 'a text, or a list of texts, none of them empty'),
    seed: optional(request, 'seed', isSafeInteger, 'an integer'),
  }
  return {
    messages: readMessages(request['messages']),
    options: Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
    choices: optional(request, 'n', isCount(mostChoices), `an integer from 1 to ${mostChoices}`) ?? 1,
    stream,
    includeUsage: readStreamOptions(request, stream),
    model: optional(request, 'model', isString, 'the name of a model'),
  }
}

function refuseOthers(request: Fields): void {
  for (const [name, value] of Object.entries(request)) {
    if (understood.has(name) || value === undefined || value === null || neutral[name]?.(value) === true) continue
    throw new RequestError(name, 'unsupported_parameter', `The parameter ${quoted(name)} is not supported.`, {
      expected: [...understood].join(', '),
      found: describe(value),
      remedy: 'Leave it out.',
    })
  }
}

function readLimit(request: Fields): number | undefined {
  const isLimit = isCount(Number.MAX_SAFE_INTEGER)
  const older = optional(request, 'max_tokens', isLimit, 'an integer of at least 1')
  const newer = optional(request, 'max_completion_tokens', isLimit, 'an integer of at least 1')
  if (older === undefined || newer === undefined || older === newer) return newer ?? older
  throw new RequestError('max_tokens', 'invalid_value', 'There are two limits of tokens, and they differ.', {
    found: `max_tokens ${older}, max_completion_tokens ${newer}`,
    remedy: 'Give max_completion_tokens alone.',
  })
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

function readMessages(value: unknown): PicturedMessage<RequestImage>[] {
  if (!Array.isArray(value) || value.length === 0) throw invalid('messages', 'a list with at least one message', value)
  return value.map((message: unknown, index) => readMessage(message, `messages[${index}]`))
}

function readMessage(message: unknown, path: string): PicturedMessage<RequestImage> {
  if (!isFields(message)) throw invalid(path, 'a message with "role" and "content"', message)
  const { role, content, ...others } = message
  const known = typeof role === 'string' && Object.hasOwn(roles, role) ? roles[role] : undefined
  if (known === undefined) throw unsupported(`${path}.role`, Object.keys(roles).join(', '), role)
  for (const [name, value] of Object.entries(others)) {
    if (value === undefined || value === null) continue
    throw unsupported(`${path}.${name}`, 'messages with "role" and "content"', value)
  }
  const { text, pictures } = readContent(content, `${path}.content`, known === 'user')
  return { role: known, content: text, ...(pictures.length === 0 ? {} : { pictures }) }
}

interface ReadContent {
  readonly text: string
  readonly pictures: readonly RequestImage[]
}

function readContent(content: unknown, path: string, mayShow: boolean): ReadContent {
  if (typeof content === 'string') return { text: content, pictures: [] }
  if (!Array.isArray(content) || content.length === 0) throw invalid(path, 'a text, or a list of parts', content)
  const texts: string[] = []
  const pictures: RequestImage[] = []
  content.forEach((part: unknown, index) => {
    const at = `${path}[${index}]`
    if (!isFields(part)) throw invalid(at, 'a part with "type"', part)
    const { type } = part
    if (type === 'text') texts.push(readText(part['text'], `${at}.text`))
    else if (type === 'image_url' && mayShow) pictures.push(readImage(part['image_url'], `${at}.image_url`))
    else throw unsupported(`${at}.type`, mayShow ? '"text" or "image_url"' : '"text"; only a user shows pictures', type)
  })
  return { text: texts.join('\n'), pictures }
}

function readText(text: unknown, path: string): string {
  if (typeof text !== 'string') throw invalid(path, 'a text', text)
  return text
}

function optional<T>(
  fields: Fields,
  name: string,
  fits: (value: unknown) => value is T,
  expected: string,
  path = '',
): T | undefined {
  const value = fields[name]
  if (value === undefined || value === null) return undefined
  if (fits(value)) return value
  throw invalid(`${path}${name}`, expected, value)
}

const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean'
const isString = (value: unknown): value is string => typeof value === 'string'
const isText = (value: unknown): value is string => isString(value) && value !== ''
const isStop = (value: unknown): value is string | readonly string[] =>
  isText(value) || (Array.isArray(value) && value.every(isText))
const isSafeInteger = (value: unknown): value is number => Number.isSafeInteger(value)
const isBetween =
  (least: number, most: number) =>
  (value: unknown): value is number =>
    typeof value === 'number' && value >= least && value <= most
const isShare = (value: unknown): value is number => isBetween(0, 1)(value) && value > 0
const isCount =
  (most: number) =>
  (value: unknown): value is number =>
    isSafeInteger(value) && value >= 1 && value <= most
