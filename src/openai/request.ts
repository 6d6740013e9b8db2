/** From a request to what the engine is asked for. Pure: a server reads bodies with it as the client reads arguments. */
import type { PicturedMessage } from '../engine/picture-text.ts'
import { RequestError } from './errors.ts'
import {
  invalid,
  isBetween,
  isBoolean,
  isCount,
  isFields,
  isSafeInteger,
  optional,
  unsupported,
  type Fields,
} from './fields.ts'
import { readFormat } from './format.ts'
import { readImage, type RequestImage } from './images.ts'
import {
  commonNeutral,
  commonParameters,
  mostAlternatives,
  readTask,
  refuseOthers,
  type AnswerTask,
  type NeutralValues,
} from './options.ts'

/** A request that was understood. */
export interface CompletionTask extends AnswerTask {
  readonly messages: readonly PicturedMessage<RequestImage>[]
}

const understood: ReadonlySet<string> = new Set([
  'messages',
  ...commonParameters,
  ...['max_tokens', 'max_completion_tokens', 'response_format', 'top_logprobs'],
])

/** What clients send that fill in every default. */
const neutral: NeutralValues = {
  ...commonNeutral,
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

/**
 * Reads a request. Nothing in it is believed, since it may come from a network.
 *
 * @throws RequestError naming the parameter: one that is not built or not known, or a value that cannot be used
 */
export function readRequest(request: unknown): CompletionTask {
  if (!isFields(request)) throw invalid('body', 'an object with "messages"', request)
  refuseOthers(request, understood, neutral)
  const messages = readMessages(request['messages'])
  const task = readTask(request, readLimit(request), readAlternatives(request))
  const format = readFormat(request)
  return { messages, ...task, options: format === undefined ? task.options : { ...task.options, format } }
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

function readAlternatives(request: Fields): number | undefined {
  const isWanted = optional(request, 'logprobs', isBoolean, 'true or false') ?? false
  const isFitting = (value: unknown): value is number => isSafeInteger(value) && isBetween(0, mostAlternatives)(value)
  const count = optional(request, 'top_logprobs', isFitting, `an integer from 0 to ${mostAlternatives}`)
  if (isWanted) return count ?? 0
  if (count === undefined || count === 0) return undefined
  throw invalid('top_logprobs', 'it only together with "logprobs": true', count)
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
