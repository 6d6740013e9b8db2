/** The messages of a request. */
import { checkDepth, invalid, isFields, isText, unsupported, type Fields } from './fields.ts'
import { readImage, type RequestImage } from './images.ts'
import type { ToolCall, ToolMessage } from './tool-notation.ts'

/** A message as it was understood. */
export type AskedMessage = ToolMessage<RequestImage>

const roles: Readonly<Record<string, string>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
  tool: 'tool',
}

/** Fields beside `role` and `content`. */
const otherFields: Readonly<Record<string, readonly string[]>> = { assistant: ['tool_calls'], tool: ['tool_call_id'] }

/** @throws RequestError naming the message, or what it is in it */
export function readMessages(value: unknown): AskedMessage[] {
  if (!Array.isArray(value) || value.length === 0) throw invalid('messages', 'a list with at least one message', value)
  /** The functions that were called, by the ids of the calls. */
  const called = new Map<string, string>()
  return value.map((message: unknown, index) => readMessage(message, `messages[${index}]`, called))
}

function readMessage(message: unknown, path: string, called: Map<string, string>): AskedMessage {
  if (!isFields(message)) throw invalid(path, 'a message with "role" and "content"', message)
  const { role, content, ...others } = message
  const known = typeof role === 'string' && Object.hasOwn(roles, role) ? roles[role] : undefined
  if (known === undefined) throw unsupported(`${path}.role`, Object.keys(roles).join(', '), role)
  const fields = otherFields[known] ?? []
  for (const [name, value] of Object.entries(others)) {
    // What an answer of ours says in any case; clients send it back as it came.
    const saysNothing = value === undefined || value === null || (name === 'tool_calls' && isEmpty(value))
    if (saysNothing || fields.includes(name)) continue
    throw unsupported(`${path}.${name}`, ['"role"', '"content"', ...fields].join(', '), value)
  }
  const calls = known === 'assistant' ? readCalls(message, path, called) : []
  const mayBeSilent = calls.length > 0 && (content === undefined || content === null)
  const { text, pictures } = readContent(mayBeSilent ? '' : content, `${path}.content`, known === 'user')
  return {
    role: known,
    content: text,
    ...(pictures.length === 0 ? {} : { pictures }),
    ...(calls.length === 0 ? {} : { calls }),
    ...(known === 'tool' ? { from: callerOf(message, path, called) } : {}),
  }
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

function readCalls(message: Fields, path: string, called: Map<string, string>): ToolCall[] {
  const calls = message['tool_calls'] ?? []
  if (!Array.isArray(calls)) throw invalid(`${path}.tool_calls`, 'a list of calls', calls)
  return calls.map((call: unknown, index) => {
    const at = `${path}.tool_calls[${index}]`
    if (!isFields(call) || !isText(call['id'])) throw invalid(at, 'a call with "id", "type" and "function"', call)
    if (call['type'] !== 'function') throw unsupported(`${at}.type`, '"function"', call['type'])
    const made = call['function']
    if (!isFields(made) || !isText(made['name'])) throw invalid(`${at}.function`, '"name" and "arguments"', made)
    called.set(call['id'], made['name'])
    return { name: made['name'], arguments: readArguments(made['arguments'], `${at}.function.arguments`) }
  })
}

function readArguments(value: unknown, path: string): string {
  const given = typeof value === 'string' ? parsed(value) : undefined
  if (typeof value !== 'string' || !isFields(given)) throw invalid(path, 'an object in JSON, as a text', value)
  checkDepth(given, path)
  return value
}

/** Undefined where the text is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** The function whose call a message answers. */
function callerOf(message: Fields, path: string, called: ReadonlyMap<string, string>): string {
  const id = message['tool_call_id']
  const name = isText(id) ? called.get(id) : undefined
  if (name !== undefined) return name
  throw invalid(`${path}.tool_call_id`, 'the id of a call in a message before', id)
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
