/** JSON of unknown origin: strict UTF-8, no duplicate keys, typed errors. */
import { quoted } from '../base/describe.ts'
import { PocketPhiError } from '../base/errors.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** Whether a parsed value is an object, not null and not an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Decodes UTF-8 and refuses what is none; a byte order mark stays in the text.
 * @throws PocketPhiError `invalid-file`
 */
export function decodeText(bytes: Uint8Array, name: string): string {
  try {
    // Browsers do not decode shared memory.
    const own = bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice()
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(own)
  } catch (cause) {
    throw new PocketPhiError('invalid-file', `"${name}" is not valid UTF-8.`, {
      remedy: 'Fetch it again, or save it as UTF-8.',
      cause,
    })
  }
}

/**
 * Parses JSON and refuses what is none or names a key twice in one object (of which JSON.parse would keep the last).
 * @throws PocketPhiError `invalid-file`
 */
export function parseJson(text: string, name: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new PocketPhiError('invalid-file', `"${name}" is not valid JSON.`, {
      ...(cause instanceof Error && { found: cause.message }),
      remedy: 'It may be torn: fetch it again.',
      cause,
    })
  }
  const duplicate = duplicateKey(text)
  if (duplicate !== undefined) {
    throw new PocketPhiError('invalid-file', `"${name}" names the key ${quoted(duplicate)} twice in one object.`, {
      expected: 'every key once',
      remedy: 'Remove the one that is not meant.',
    })
  }
  return value
}

/** The first key that an object of this (valid) JSON repeats. */
function duplicateKey(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []
  let expectsKey = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '{') {
      open.push(new Set())
      expectsKey = true
    } else if (character === '[') {
      open.push(undefined)
      expectsKey = false
    } else if (character === '}' || character === ']') {
      open.pop()
      expectsKey = false
    } else if (character === ',') {
      expectsKey = open.at(-1) !== undefined
    } else if (character === '"') {
      const end = stringEnd(text, at)
      if (expectsKey) {
        const literal = text.slice(at, end + 1)
        const key = literal.includes('\\') ? String(JSON.parse(literal)) : literal.slice(1, -1)
        const keys = open.at(-1)
        if (keys?.has(key)) return key
        keys?.add(key)
        expectsKey = false
      }
      at = end
    }
  }
  return undefined
}

/** Where the string literal that starts here ends: its closing quote. */
function stringEnd(text: string, start: number): number {
  let end = start + 1
  while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1
  return end
}
