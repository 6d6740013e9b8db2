import { PocketPhiError } from '../../base/errors.ts'
import type { ChatMessage } from '../../data/world/types.ts'
import type { Check, EvaluationRow } from './types.ts'

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')

function isCheck(value: unknown): value is Check {
  if (!isRecord(value)) return false
  if (value['type'] === 'refuse' || value['type'] === 'abstain') return true
  if (value['type'] === 'number') return typeof value['value'] === 'number'
  if (value['type'] !== 'contains') return false
  const { all, none, cites } = value
  const areNumbers = cites === undefined || (Array.isArray(cites) && cites.every(Number.isInteger))
  return Array.isArray(all) && all.every(isStrings) && (none === undefined || isStrings(none)) && areNumbers
}

function isMessage(value: unknown): value is ChatMessage {
  if (!isRecord(value) || typeof value['content'] !== 'string') return false
  return value['role'] === 'system' || value['role'] === 'user' || value['role'] === 'assistant'
}

function isRow(value: unknown): value is EvaluationRow {
  if (!isRecord(value)) return false
  const { id, kind, question, messages, check } = value
  if (typeof id !== 'string' || typeof kind !== 'string' || !isCheck(check)) return false
  if (typeof question === 'string') return messages === undefined
  return question === undefined && Array.isArray(messages) && messages.length > 0 && messages.every(isMessage)
}

/** Reads an evaluation file, one JSON object a line; throws `invalid-file` with the number of a wrong line. */
export function parseRows(text: string, name: string): EvaluationRow[] {
  const rows: EvaluationRow[] = []
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch (cause) {
      throw new PocketPhiError('invalid-file', `Line ${index + 1} of ${name} is not JSON.`, { cause })
    }
    if (!isRow(value)) {
      throw new PocketPhiError('invalid-file', `Line ${index + 1} of ${name} is not an evaluation row.`, {
        expected: '{"id", "kind", "question" or "messages", "check"}; see docs/world.md',
      })
    }
    rows.push(value)
  }
  return rows
}

export function formatRows(rows: readonly EvaluationRow[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
}
