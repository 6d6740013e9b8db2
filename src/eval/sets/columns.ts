/** Columns of public sets that need more than another name. */
import { PocketPhiError } from '../../base/errors.ts'
import { optionalText, textOf, textsOf, type Row } from '../tasks/row.ts'
import type { Fields } from './public-sets.ts'

/** Options as fields that are named by letters, "A" and so on, and the letter of the right one. */
export function lettersOf(options: Row, right: string): Fields {
  const letters = [...'ABCDEFGHIJ'].filter((letter) => optionalText(options, letter) !== undefined)
  return { choices: letters.map((letter) => textOf(options, letter)), answer: letters.indexOf(right) }
}

/** A text between quotes as Python or JSON writes it, with what is escaped. */
const quoted = /'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/gs

/**
 * Texts that are there as a list in one text, as Python or JSON writes it.
 *
 * @throws PocketPhiError `invalid-file`
 */
export function listedTexts(row: Row, key: string): readonly string[] {
  const text = textOf(row, key).trim()
  const isList =
    text.startsWith('[') &&
    text.endsWith(']') &&
    text
      .slice(1, -1)
      .replaceAll(quoted, '')
      .match(/[^\s,]/) === null
  if (!isList) {
    throw new PocketPhiError('invalid-file', `The field "${key}" of ${row.place} cannot be used.`, {
      expected: 'a list of texts in quotes',
      found: text.slice(0, 80),
    })
  }
  return [...text.matchAll(quoted)].map(([, single, double = '']) => unescaped(single ?? double))
}

function unescaped(text: string): string {
  const escaped = /\\(?:u([\da-fA-F]{4})|x([\da-fA-F]{2})|(.))/gs
  return text.replaceAll(escaped, (_, unit: string | undefined, byte: string | undefined, character: string) => {
    const code = unit ?? byte
    if (code !== undefined) return String.fromCharCode(parseInt(code, 16))
    return { n: '\n', t: '\t', r: '\r' }[character] ?? character
  })
}

/** As lm-evaluation-harness arranges HellaSwag: both parts of the context, without the marks of WikiHow. */
export function arrangedHellaswag(row: Row): Fields {
  const second = optionalText(row, 'ctx_b') ?? ''
  const context = `${textOf(row, 'ctx_a')} ${second.charAt(0).toUpperCase()}${second.slice(1).toLowerCase()}`
  return {
    activity_label: withoutMarks(textOf(row, 'activity_label')),
    ctx: withoutMarks(context),
    endings: textsOf(row, 'endings').map(withoutMarks),
    label: Number(textOf(row, 'label')),
  }
}

function withoutMarks(text: string): string {
  return text
    .trim()
    .replaceAll(' [title]', '. ')
    .replaceAll(/\[.*?\]/g, '')
    .replaceAll('  ', ' ')
}
