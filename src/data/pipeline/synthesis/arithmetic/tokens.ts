/** Numbers, signs and units in a text. */

interface Place {
  readonly start: number
  readonly end: number
}

export interface NumberToken extends Place {
  readonly kind: 'number'
  /** Percents are hundredths. */
  readonly value: number
  readonly decimals: number
  readonly isPercent: boolean
  /** A currency in front of it. */
  readonly currency: string
}

export type Token =
  | NumberToken
  | ({ readonly kind: 'sign'; readonly sign: string } & Place)
  | ({ readonly kind: 'word'; readonly word: string } & Place)
  | ({ readonly kind: 'other' } & Place)

const tokenPattern =
  /(?<number>(?:(?<currency>[$€£]) ?)?(?<digits>(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+)?)(?<percent> ?%)?)|(?<sign>[-+−–×*·÷/^()])|(?<word>\p{L}[\p{L}\p{M}²³'’]*)|\S/gu

/** Other ways to write the same signs. */
const signs: Readonly<Record<string, string>> = { '−': '-', '–': '-', '×': '*', '·': '*', '÷': '/' }

/** Writes powers with a sign, except behind a letter, where they belong to a unit, and the letter x between numbers as the sign that it stands for. */
export function withSigns(text: string): string {
  return text
    .replaceAll(/([\d)])([²³])/g, (_, base: string, power: string) => `${base}^${power === '²' ? 2 : 3}`)
    .replaceAll(/(?<=[\d)%] ?|\p{L}{3,} )[xX](?= ?[$€£(]? ?\d| \()/gu, '×')
}

/** @param text after `withSigns` */
export function tokensOf(text: string): Token[] {
  return Array.from(text.matchAll(tokenPattern), ({ index: start, 0: all, groups = {} }): Token => {
    const place = { start, end: start + all.length }
    const { digits, sign, word } = groups
    // What begins with a zero is a time or a name.
    if (digits !== undefined && !/^0\d/.test(digits)) return { kind: 'number', ...numberOf(digits, groups), ...place }
    if (sign !== undefined) return { kind: 'sign', sign: signs[sign] ?? sign, ...place }
    return word === undefined ? { kind: 'other', ...place } : { kind: 'word', word, ...place }
  })
}

function numberOf(
  digits: string,
  { percent, currency = '' }: Readonly<Partial<Record<string, string>>>,
): Omit<NumberToken, 'kind' | keyof Place> {
  const value = Number(digits.replaceAll(',', ''))
  const decimals = digits.split('.')[1]?.length ?? 0
  const isPercent = percent !== undefined
  return { value: isPercent ? value / 100 : value, decimals: decimals + (isPercent ? 2 : 0), isPercent, currency }
}

/** Units of one or two letters; other words so short may be variables. */
const shortUnits = new Set(['cm', 'mm', 'km', 'kg', 'mg', 'ml', 'm²', 'm³', 'cm²', 'cm³', 'km²'])
const letterUnits = new Set(['m', 'g', 's', 'h'])

/** Words that go on with the sentence. */
const noUnits = new Set(
  'and are because but each for from gives has have in into is left leaves makes means of off on or out per plus since so than that the then there times to was when where which who will with'.split(
    ' ',
  ),
)

/** Whether a word behind a number is its unit. */
export function isUnit(token: Token | undefined, before: Token | undefined): boolean {
  if (token?.kind !== 'word' || before?.kind !== 'number') return false
  const { word, start } = token
  if (shortUnits.has(word)) return true
  return start > before.end && (letterUnits.has(word) || (word.length > 2 && !noUnits.has(word.toLowerCase())))
}

/** A unit in the singular. */
export const unitOf = (word: string): string => word.toLowerCase().replace(/(?<=..)s$/, '')
