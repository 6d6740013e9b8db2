import { special, type SpecialToken, type Text } from './text.ts'
import type { ChatMessage, RenderOptions } from './templates.ts'

/** The chat formats of the family, by the models that were trained on them. */
export type TemplateName =
  /** Phi-3-mini since June 2024. */
  | 'phi-3-mini'
  /** Phi-3-mini between April and June 2024. */
  | 'phi-3-mini-april'
  /** Phi-3-mini as first released. */
  | 'phi-3-orig'
  | 'phi-3-medium'
  | 'phi-3-small'
  | 'phi-3-vision'
  /** Phi-3.5-mini and Phi-3.5-MoE. */
  | 'phi-3.5-mini'
  | 'phi-4'
  | 'phi-4-mini'

type Render = (messages: readonly ChatMessage[], options: RenderOptions) => Text
type Part = string | SpecialToken

const system = special('<|system|>')
const user = special('<|user|>')
const assistant = special('<|assistant|>')
const end = special('<|end|>')
const endOfText = special('<|endoftext|>')
const startOfText = special('<s>')

const roleTokens: ReadonlyMap<string, SpecialToken> = new Map([
  ['system', system],
  ['user', user],
  ['assistant', assistant],
])

const toolRoleTokens: ReadonlyMap<string, SpecialToken> = new Map([
  ...roleTokens,
  ['tool', special('<|tool|>')],
  ['tool_call', special('<|tool_call|>')],
  ['tool_response', special('<|tool_response|>')],
])

/** `<|role|>` for templates that write any role so; one without a token of its own stays plain text. */
function roleToken(role: string, tokens = roleTokens): Part {
  return tokens.get(role) ?? `<|${role}|>`
}

/** `<|role|>\ncontent<|end|>\n` */
function block(token: Part, content: string): Part[] {
  return [token, `\n${content}`, end, '\n']
}

/** A block for each known role; other roles are left out. */
function knownRoleBlocks(messages: readonly ChatMessage[]): Part[] {
  return messages.flatMap((message) => {
    const token = roleTokens.get(message.role)
    return token === undefined ? [] : block(token, message.content)
  })
}

/** A block for each message, whatever its role. */
function anyRoleBlocks(messages: readonly ChatMessage[]): Part[] {
  return messages.flatMap((message) => block(roleToken(message.role), message.content))
}

/** User blocks end with the assistant's tag; roles other than user and assistant are left out. */
function openAnswerBlocks(messages: readonly ChatMessage[]): Part[] {
  return messages.flatMap((message) => {
    if (message.role === 'user') return [...block(user, message.content), assistant, '\n']
    return message.role === 'assistant' ? [message.content, end, '\n'] : []
  })
}

function answerOrEnd(options: RenderOptions): Part[] {
  return options.addGenerationPrompt === true ? [assistant, '\n'] : [endOfText]
}

const imStart = special('<|im_start|>')
const imSeparator = special('<|im_sep|>')
const imEnd = special('<|im_end|>')

/** The built-in templates; each makes what the Jinja template of that revision makes, but typed. */
export const families: Readonly<Record<TemplateName, Render>> = {
  'phi-3-mini': (messages, options) => [...knownRoleBlocks(messages), ...answerOrEnd(options)],
  'phi-3-mini-april': (messages, options) => [startOfText, ...anyRoleBlocks(messages), ...answerOrEnd(options)],
  'phi-3-orig': (messages) => [startOfText, ...openAnswerBlocks(messages)],
  'phi-3-medium': (messages) => openAnswerBlocks(messages),
  'phi-3-small': (messages, options) => [endOfText, ...anyRoleBlocks(messages), ...answerOrEnd(options)],
  'phi-3-vision': (messages, options) => {
    const answers = options.addGenerationPrompt === true && messages.at(-1)?.role !== 'assistant'
    return [...anyRoleBlocks(messages), ...(answers ? [assistant, '\n'] : [])]
  },
  'phi-3.5-mini': (messages, options) => [
    ...knownRoleBlocks(messages.filter((message) => message.role !== 'system' || message.content !== '')),
    ...answerOrEnd(options),
  ],
  'phi-4': (messages, options) => [
    ...messages
      .filter((message) => roleTokens.has(message.role))
      .flatMap((message) => [imStart, message.role, imSeparator, message.content, imEnd]),
    ...(options.addGenerationPrompt === true ? [imStart, 'assistant', imSeparator] : []),
  ],
  'phi-4-mini': (messages, options) => [
    ...messages.flatMap((message) => [
      roleToken(message.role, toolRoleTokens),
      message.content,
      ...(message.role === 'system' ? between('tool', message.tools) : []),
      ...between('tool_call', message.toolCalls),
      end,
    ]),
    options.addGenerationPrompt === true ? assistant : endOfText,
  ],
}

function between(name: string, text: string | null | undefined): Part[] {
  return text === undefined || text === null ? [] : [special(`<|${name}|>`), text, special(`<|/${name}|>`)]
}
