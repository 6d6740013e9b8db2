/** Turns of conversations in the forms in which data sets have them. */
import { quoted } from '../../base/describe.ts'
import { PocketPhiError } from '../../base/errors.ts'
import { isJsonObject, type JsonObject } from '../../formats/json.ts'

/** One turn of a conversation. */
export interface Turn {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** What data sets call the roles. */
const roles: ReadonlyMap<unknown, Turn['role']> = new Map([
  ['system', 'system'],
  ['user', 'user'],
  ['human', 'user'],
  ['assistant', 'assistant'],
  ['gpt', 'assistant'],
])

/** The first of the fields that is there. */
export function fieldOf(fields: JsonObject, ...names: readonly string[]): unknown {
  return names.map((name) => fields[name]).find((value) => value !== undefined && value !== null)
}

/** Text that must be there. @throws PocketPhiError `invalid-file` */
export function textOf(fields: JsonObject, place: string, ...names: readonly string[]): string {
  const value = fieldOf(fields, ...names)
  if (typeof value === 'string') return value
  throw wrongLine(place, `"${names.join('" or "')}" with a text`, JSON.stringify(value))
}

/** Text that may be there. @throws PocketPhiError `invalid-file` when something else is */
export function optionalText(fields: JsonObject, place: string, ...names: readonly string[]): string {
  return fieldOf(fields, ...names) === undefined ? '' : textOf(fields, place, ...names)
}

/**
 * A list of messages: `{role, content}` as chat templates have them, or `{from, value}` as ShareGPT has them.
 *
 * @throws PocketPhiError `invalid-file` for anything else, and for roles that are not learned from
 */
export function turnsOf(list: unknown, place: string): Turn[] {
  if (!Array.isArray(list)) throw wrongLine(place, 'a list of messages', JSON.stringify(list))
  return (list as readonly unknown[]).map((message, index) => {
    const fields = isJsonObject(message) ? message : {}
    const role = roles.get(fieldOf(fields, 'role', 'from'))
    const content = fieldOf(fields, 'content', 'value')
    if (role !== undefined && typeof content === 'string') return { role, content }
    throw wrongLine(
      place,
      'messages {"role", "content"} or {"from", "value"} of system, user (human) and assistant (gpt), with texts',
      `message ${index}: ${quoted(JSON.stringify(message) ?? 'nothing')}`,
    )
  })
}

/** A system message where there is text for it. */
export function systemTurn(content: string): Turn[] {
  return content === '' ? [] : [{ role: 'system', content }]
}

/** The error for a line that is not as it should be. */
export function wrongLine(place: string, expected: string, found: string | undefined): PocketPhiError {
  return new PocketPhiError('invalid-file', `${place}, cannot be learned from.`, {
    expected,
    found: found ?? 'nothing',
    remedy: 'Correct the line or remove it.',
  })
}
