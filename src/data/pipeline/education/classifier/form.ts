/** The form of a text in figures: what distinguishes prose from tables, lists, logs, code and markup whatever they are about. */
import { digit, kindOf, letter, lineBreak, mark, space } from './characters.ts'

/** In their order; the last two are those of `FeatureReader`, which knows the tokens. */
export const formFigures = [
  'letters a character',
  'digits a character',
  'marks other than those of sentences a character',
  'spaces a character',
  'capitals a letter',
  'letters a word',
  'characters (logarithm)',
  'characters a line (logarithm)',
  'words a sentence (logarithm)',
  'commas a word',
  'capitalised words within sentences a word',
  'lines that end as sentences do',
  'lines that begin with no letter',
  'lines that are indented',
  'different tokens by the square root of all',
  'different pairs of all',
] as const

const isCapital = (unit: number): boolean => unit >= 0x41 && unit <= 0x5a
/** Marks behind which a sentence or what a line introduces ends: . ! ? : and quotation marks and brackets that close behind them. */
const isEnd = (unit: number): boolean => unit === 0x2e || unit === 0x21 || unit === 0x3f || unit === 0x3a
const isOfSentences = (unit: number): boolean =>
  isEnd(unit) || unit === 0x2c || unit === 0x27 || unit === 0x22 || unit === 0x2019

/**
 * Measures all but the last two figures.
 *
 * @param units UTF-16 of the text, ended by a zero
 */
export function measureForm(units: Uint16Array, length: number, into: Float64Array): void {
  let [letters, digits, marks, spaces, capitals, words, sentences, commas, names] = [0, 0, 0, 0, 0, 0, 0, 0, 0]
  let [lines, ended, bare, indented] = [0, 0, 0, 0]
  let atLineStart = true
  let lastSolid = 0
  for (let at = 0; at < length; at++) {
    const unit = units[at] as number
    const kind = kindOf[unit] as number
    if (kind === lineBreak) {
      if (!atLineStart && isEnd(lastSolid)) ended++
      atLineStart = true
      continue
    }
    if (kind === space) {
      spaces++
      continue
    }
    if (atLineStart) {
      lines++
      atLineStart = false
      if (kind !== letter) bare++
      if (at >= 2 && units[at - 1] === 0x20 && units[at - 2] === 0x20) indented++
    }
    if (kind === letter) {
      letters++
      const capital = isCapital(unit)
      if (capital) capitals++
      if (at === 0 || kindOf[units[at - 1] as number] !== letter) {
        words++
        if (capital && at > 0 && units[at - 1] === 0x20 && (kindOf[lastSolid] === letter || lastSolid === 0x2c)) names++
      }
    } else if (kind === digit) digits++
    else if (kind === mark) {
      if (!isOfSentences(unit)) marks++
      if (unit === 0x2c) commas++
      if (isEnd(unit) && (kindOf[units[at + 1] as number] as number) <= lineBreak) sentences++
    }
    lastSolid = unit
  }
  if (!atLineStart && isEnd(lastSolid)) ended++
  const [perCharacter, perWord, perLine] = [1 / Math.max(1, length), 1 / Math.max(1, words), 1 / Math.max(1, lines)]
  into.set([
    letters * perCharacter,
    digits * perCharacter,
    marks * perCharacter,
    spaces * perCharacter,
    capitals / Math.max(1, letters),
    letters * perWord,
    Math.log(Math.max(1, length)),
    Math.log(Math.max(1, length) * perLine),
    Math.log(Math.max(1, words) / (1 + sentences)),
    commas * perWord,
    names * perWord,
    ended * perLine,
    bare * perLine,
    indented * perLine,
  ])
}
