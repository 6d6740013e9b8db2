/** Conversations in files: what `/save` of `phi chat` writes and `phi tokenize --chat` reads. */
import { extname } from 'node:path'
import { PocketPhiError } from '../base/errors.ts'
import { isJsonObject, parseJson } from '../formats/json.ts'
import type { ChatMessage } from '../text/templates.ts'

function isMarkdown(path: string): boolean {
  return extname(path).toLowerCase() === '.md'
}

/** The text of a file: JSON, or Markdown for people where the name ends in `.md`. */
export function formatConversation(messages: readonly ChatMessage[], path: string): string {
  if (isMarkdown(path)) return messages.map(({ role, content }) => `**${role}**\n\n${content}\n`).join('\n')
  return `${JSON.stringify({ messages }, undefined, 2)}\n`
}

/**
 * Reads what `formatConversation` writes as JSON, or the list of messages alone. What is in the list is for the chat template to
 * check.
 *
 * @param path for messages
 * @throws PocketPhiError `invalid-file`
 */
export function parseConversation(text: string, path: string): readonly ChatMessage[] {
  const expected = '{"messages": [{"role": "user", "content": "…"}, …]} or the list alone, as JSON'
  if (isMarkdown(path)) {
    throw new PocketPhiError(
      'invalid-file',
      `"${path}" is Markdown, from which a conversation cannot be told for sure.`,
      {
        expected,
        remedy: 'Save the conversation under a name in .json.',
      },
    )
  }
  const json = parseJson(text, path)
  const list = isJsonObject(json) ? json['messages'] : json
  if (Array.isArray(list)) return list as readonly ChatMessage[]
  throw new PocketPhiError('invalid-file', `"${path}" holds no conversation.`, { expected })
}
