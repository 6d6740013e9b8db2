import { isDeepStrictEqual } from 'node:util'
import { quoted } from '../../base/describe.ts'
import { readJsonLines, type JsonLine } from './json-lines.ts'
import { nothingIn } from './conversations.ts'
import { fieldOf, optionalText, systemTurn, turnsOf, wrongLine, type Turn } from './turns.ts'

/** Two answers to one conversation, of which people or a judge preferred one. */
export interface Preference {
  /** Up to the answer. */
  readonly prompt: readonly Turn[]
  readonly chosen: string
  readonly rejected: string
}

/** What is asked: a list of messages, or a text with an instruction and a system message beside it. */
function promptOf({ place, fields }: JsonLine): Turn[] {
  const system = systemTurn(optionalText(fields, place, 'system'))
  const asked = fieldOf(fields, 'prompt', 'conversations', 'messages', 'instruction', 'question')
  if (typeof asked !== 'string') return [...system, ...turnsOf(asked ?? [], place)]
  const input = optionalText(fields, place, 'input')
  return [...system, { role: 'user', content: input === '' ? asked : `${asked}\n\n${input}` }]
}

/** How the turns of a transcript begin, as Anthropic's sets of helpful and harmless answers have them. */
const transcriptStart = /^\n\nHuman: /

function transcriptTurns(text: string): Turn[] {
  const parts = text.split(/\n\n(Human|Assistant): ?/).slice(1)
  return Array.from({ length: parts.length / 2 }, (_, index) => ({
    role: parts[2 * index] === 'Human' ? 'user' : 'assistant',
    content: (parts[2 * index + 1] ?? '').trim(),
  }))
}

/** An answer: a text, a message, or messages of which the last is the answer. */
function answerOf({ place, fields }: JsonLine, name: 'chosen' | 'rejected'): { before: Turn[]; answer: string } {
  const value = fields[name]
  if (typeof value === 'string' && !transcriptStart.test(value)) return { before: [], answer: value }
  const turns =
    typeof value === 'string' ? transcriptTurns(value) : turnsOf(Array.isArray(value) ? value : [value], place)
  const last = turns.at(-1)
  if (last?.role !== 'assistant') throw wrongLine(place, `"${name}" that ends with what the assistant says`, last?.role)
  return { before: turns.slice(0, -1), answer: last.content }
}

function readPair(line: JsonLine): Preference {
  const chosen = answerOf(line, 'chosen')
  const rejected = answerOf(line, 'rejected')
  const asked = promptOf(line)
  // Some sets repeat the prompt before the answers, some have it there alone.
  const whole = isDeepStrictEqual(asked, chosen.before) ? asked : [...asked, ...chosen.before]
  if (!isDeepStrictEqual(chosen.before, rejected.before)) {
    throw wrongLine(line.place, '"chosen" and "rejected" that differ in their last message alone', 'different prompts')
  }
  if (whole.at(-1)?.role !== 'user') throw wrongLine(line.place, 'a prompt that ends with what the user says', 'none')
  if (chosen.answer === rejected.answer) {
    throw wrongLine(line.place, 'two different answers', `twice ${quoted(chosen.answer)}`)
  }
  return { prompt: whole, chosen: chosen.answer, rejected: rejected.answer }
}

/**
 * The pairs of a file of JSON Lines. `chosen` and `rejected` are texts, a message, messages that end with the answer, or whole
 * transcripts ("\n\nHuman: …\n\nAssistant: …"); what is asked is in `prompt`, `instruction` (with `input`) or `question` as a text, or in `prompt`, `messages` or `conversations` as
 * messages, or is repeated before both answers; `system` may be there.
 *
 * @throws PocketPhiError `not-found`; `invalid-file` naming the line that holds no pair
 */
export async function readPreferences(file: string): Promise<Preference[]> {
  const lines = await readJsonLines(file)
  if (lines.length === 0) throw nothingIn(file)
  return lines.map(readPair)
}
