/** The form of a text in figures: what distinguishes prose from tables, lists, logs, code and markup whatever they are about. */
import { digit, ideograph, kindOf, letter, lineBreak, mark, space } from './characters.ts'

/** Words of English that say something of the way in which a text speaks. */
export const wordClasses = {
  grammar:
    'the of and to a in is it that for as with be by this or are on not from an which at can has have was were will would their there than these those its also only such all each between into both through during after before',
  reasons:
    'because therefore thus hence consequently since if then however although though whereas while unless otherwise implies implied follows causes caused leads depends due why how must instead contrast reason reasons',
  teaching:
    'example examples figure table exercise exercises chapter section lesson summary learn learning note suppose consider let imagine recall means called defined definition explain explains describe describes understand concept terms step solution problem',
  selling:
    'buy order shipping discount price sale click subscribe contact call team customers products offer cart cookies book deals free please website visit',
  persons: 'i my me mine you your we our us he she him her his',
} as const

export const formFigures = [
  'letters a character',
  'digits a character',
  'marks other than those of sentences a character',
  'spaces a character',
  'words in capitals a word',
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
  'words of grammar a word',
  'words of reasons a word',
  'words of teaching a word',
  'words of selling a word',
  'words of persons a word',
] as const

const isCapital = (unit: number): boolean => unit >= 0x41 && unit <= 0x5a
/** What ends a sentence or introduces what follows: . ! ? : */
const isEnd = (unit: number): boolean => unit === 0x2e || unit === 0x21 || unit === 0x3f || unit === 0x3a
const comma = 0x2c
const isOfSentences = (unit: number): boolean =>
  isEnd(unit) || unit === comma || unit === 0x27 || unit === 0x22 || unit === 0x2019

/** Measures a text token by token. */
export class FormMeter {
  #letters = 0
  #digits = 0
  #marks = 0
  #spaces = 0
  #words = 0
  #inCapitals = 0
  #names = 0
  #sentences = 0
  #commas = 0
  #lines = 0
  #ended = 0
  #bare = 0
  #indented = 0
  /** Words of no class, and of each. */
  readonly #classes = new Uint32Array(1 + Object.keys(wordClasses).length)
  #isLineStart = true
  /** The last character that is no space. */
  #last = 0

  begin(): void {
    this.#letters = this.#digits = this.#marks = this.#spaces = 0
    this.#words = this.#inCapitals = this.#names = this.#sentences = this.#commas = 0
    this.#lines = this.#ended = this.#bare = this.#indented = 0
    this.#classes.fill(0)
    this.#isLineStart = true
    this.#last = 0
  }

  /** @param wordClass counted from 1 in the order of `wordClasses`; 0 for tokens of none */
  addWordOf(wordClass: number): void {
    this.#classes[wordClass] = (this.#classes[wordClass] as number) + 1
  }

  /**
   * Takes the next token, or run of spaces.
   *
   * @param units UTF-16 of the text, ended by a zero
   */
  add(units: Uint16Array, at: number, end: number, kind: number): void {
    if (kind === space) this.#spaces += end - at
    else if (kind === lineBreak) this.#endLine(units[end - 1] === 0x20 && units[end - 2] === 0x20)
    else {
      if (this.#isLineStart) this.#beginLine(kind)
      this.#addSolid(units, at, end, kind)
      this.#last = units[end - 1] as number
    }
  }

  #addSolid(units: Uint16Array, at: number, end: number, kind: number): void {
    const unit = units[at] as number
    if (kind === letter || kind === ideograph) {
      this.#letters += end - at
      this.#words++
      if (isCapital(unit)) this.#addCapitalised(units, at)
    } else if (kind === digit) this.#digits += end - at
    else if (kind === mark) {
      if (!isOfSentences(unit)) this.#marks += end - at
      else if (unit === comma) this.#commas++
      else if (isEnd(unit) && (kindOf[units[end] as number] as number) <= lineBreak) this.#sentences++
    }
  }

  #addCapitalised(units: Uint16Array, at: number): void {
    if (isCapital(units[at + 1] as number)) this.#inCapitals++
    const isWithin = at > 0 && units[at - 1] === 0x20 && (kindOf[this.#last] === letter || this.#last === comma)
    if (isWithin) this.#names++
  }

  #beginLine(kind: number): void {
    this.#lines++
    if (kind !== letter) this.#bare++
    this.#isLineStart = false
  }

  #endLine(isNextIndented: boolean): void {
    if (!this.#isLineStart && isEnd(this.#last)) this.#ended++
    if (isNextIndented) this.#indented++
    this.#isLineStart = true
  }

  /**
   * Writes all figures.
   *
   * @param length UTF-16 units of the text
   * @param tokens of the text, those that differ from each other, and pairs that do
   */
  write(into: Float64Array, length: number, tokens: number, differentTokens: number, differentPairs: number): void {
    if (!this.#isLineStart) this.#endLine(false)
    const characters = Math.max(1, length)
    const words = Math.max(1, this.#words)
    const lines = Math.max(1, this.#lines)
    into.set([
      this.#letters / characters,
      this.#digits / characters,
      this.#marks / characters,
      this.#spaces / characters,
      this.#inCapitals / words,
      this.#letters / words,
      Math.log(characters),
      Math.log(characters / lines),
      Math.log(words / (1 + this.#sentences)),
      this.#commas / words,
      this.#names / words,
      this.#ended / lines,
      this.#bare / lines,
      this.#indented / lines,
      differentTokens / Math.sqrt(Math.max(1, tokens)),
      differentPairs / Math.max(1, tokens),
      ...Array.from(this.#classes.subarray(1), (count) => count / words),
    ])
  }
}
