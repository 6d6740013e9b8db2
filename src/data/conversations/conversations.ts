import { PocketPhiError } from '../../base/errors.ts'
import { readJsonLines, type JsonLine } from './json-lines.ts'
import { optionalText, systemTurn, textOf, turnsOf, wrongLine, type Turn } from './turns.ts'

/** How a line holds a conversation. */
export type ConversationFormat = (typeof conversationFormats)[number]

/**
 * `messages`: `{"messages": [{"role", "content"}, …]}`. `instruction`: `{"instruction", "input", "output"}` as Alpaca has it, or
 * with `context` and `response` as Dolly has it; `system` may be there. `sharegpt`: `{"conversations": [{"from", "value"}, …]}`.
 */
export const conversationFormats = ['messages', 'instruction', 'sharegpt'] as const

/** A conversation of which something is learned. */
export type Turns = readonly Turn[]

const readers: Readonly<Record<ConversationFormat, (line: JsonLine) => Turn[]>> = {
  messages: ({ place, fields }) => turnsOf(fields['messages'], place),
  sharegpt: ({ place, fields }) => [
    ...systemTurn(optionalText(fields, place, 'system')),
    ...turnsOf(fields['conversations'], place),
  ],
  instruction({ place, fields }) {
    const input = optionalText(fields, place, 'input', 'context')
    const instruction = textOf(fields, place, 'instruction')
    return [
      ...systemTurn(optionalText(fields, place, 'system')),
      { role: 'user', content: input === '' ? instruction : `${instruction}\n\n${input}` },
      { role: 'assistant', content: textOf(fields, place, 'output', 'response') },
    ]
  },
}

/** The format of a file, as its first line tells. */
function detectFormat({ place, fields }: JsonLine): ConversationFormat {
  if ('messages' in fields) return 'messages'
  if ('conversations' in fields) return 'sharegpt'
  if ('instruction' in fields) return 'instruction'
  throw wrongLine(
    place,
    '"messages", "conversations" or "instruction" among the fields',
    Object.keys(fields).join(', '),
  )
}

/**
 * The conversations of a file of JSON Lines.
 *
 * @param format that of the first line when left out
 * @throws PocketPhiError `not-found`; `invalid-file` naming the line that holds no conversation, or one in which the assistant
 * says nothing
 */
export async function readConversations(file: string, format?: ConversationFormat): Promise<Turns[]> {
  const lines = await readJsonLines(file)
  const [first] = lines
  if (first === undefined) throw nothingIn(file)
  const read = readers[format ?? detectFormat(first)]
  return lines.map((line) => {
    const turns = read(line)
    if (turns.some(({ role, content }) => role === 'assistant' && content !== '')) return turns
    throw wrongLine(line.place, 'an assistant that says something', turns.map(({ role }) => role).join(', '))
  })
}

/** The error for a file without lines. */
export function nothingIn(file: string): PocketPhiError {
  return new PocketPhiError('invalid-file', `There is nothing to learn from in "${file}".`, {
    expected: 'a JSON object in every line',
  })
}
