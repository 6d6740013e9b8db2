import { PocketPhiError } from '../base/errors.ts'
import { families, type TemplateName } from './template-families.ts'
import { compactText, type Text } from './text.ts'

export type { TemplateName } from './template-families.ts'

/** One message of a conversation. */
export interface ChatMessage {
  /** `system`, `user`, `assistant` or `tool`; what a template does with other roles is its own affair. */
  readonly role: string
  /** Always plain text: a control token that is spelled here stays a few ordinary characters. */
  readonly content: string
  /** Tool definitions as JSON, on a system message; only Phi-4-mini's template reads them. */
  readonly tools?: string | undefined
  /** Calls of functions as JSON, behind the words of an assistant; only Phi-4-mini's template reads them. */
  readonly toolCalls?: string | undefined
}

/** Fields of a message that are texts, and may be left out. */
export const otherTexts = ['tools', 'toolCalls'] as const

/** How a conversation is written. */
export interface RenderOptions {
  /** End with what makes the model answer. Off by default, as in transformers. */
  readonly addGenerationPrompt?: boolean
}

/** Turns a conversation into typed text. */
export interface ChatTemplate {
  /** The built-in template's name, or `jinja`. */
  readonly name: TemplateName | 'jinja'
  /** Writes a conversation. What users wrote never becomes a control token. @throws PocketPhiError `invalid-argument` for messages that it refuses */
  render(messages: readonly ChatMessage[], options: RenderOptions): Text
}

/** The names of the built-in templates. */
export const templateNames = Object.keys(families) as readonly TemplateName[]

/** A built-in template by its name. */
export function builtinTemplate(name: TemplateName): ChatTemplate {
  if (!Object.hasOwn(families, name)) {
    throw new PocketPhiError('invalid-argument', `There is no built-in chat template "${name}".`, {
      expected: templateNames.join(', '),
    })
  }
  return { name, render: families[name] }
}

/**
 * Renders a conversation. Special tokens come from the template only, whatever the messages spell.
 * @throws PocketPhiError 'invalid-argument' when a message is not made of strings, or the template refuses it.
 */
export function renderChat(
  template: ChatTemplate | TemplateName,
  messages: readonly ChatMessage[],
  options: RenderOptions = {},
): Text {
  messages.forEach((message, index) => checkMessage(message, index))
  const chosen = typeof template === 'string' ? builtinTemplate(template) : template
  return compactText(chosen.render(messages, options))
}

/** Callers without types (JSON from a network) must not be able to hand in special tokens as content. */
function checkMessage(message: unknown, index: number): void {
  const fields = typeof message === 'object' && message !== null ? (message as Partial<ChatMessage>) : {}
  const isText = (text: unknown): boolean => text === undefined || text === null || typeof text === 'string'
  if (typeof fields.role === 'string' && typeof fields.content === 'string') {
    if (otherTexts.every((name) => isText(fields[name]))) return
  }
  throw new PocketPhiError('invalid-argument', `Message ${index} of the conversation is not a chat message.`, {
    expected: '{ role, content } with strings, and tools and toolCalls as JSON strings',
  })
}
