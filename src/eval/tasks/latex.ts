/**
 * When two answers in LaTeX count as the same: the rules of the MATH benchmark (arXiv 2103.03874) as lm-evaluation-harness has them, written
 * anew. Texts are compared after spellings were made alike; nothing is computed, so that "1+1" is not "2".
 */

/** Spellings that mean nothing, in the order in which they go. */
const meaningless: readonly (readonly [what: RegExp, by: string])[] = [
  [/\n|\\!/g, ''],
  [/\\\\/g, '\\'],
  [/[td]frac/g, 'frac'],
  [/\\left|\\right/g, ''],
  [/\^\{\\circ\}|\^\\circ/g, ''],
  [/\\\$/g, ''],
]

const beforeUnits = '\\text{ '

/** An answer as it is compared; undefined for one that the rules cannot take apart. */
function plain(answer: string): string | undefined {
  let text = answer
  for (const [what, by] of meaningless) text = text.replaceAll(what, by)
  const [value = '', ...units] = text.split(beforeUnits)
  if (units.length > 1) return undefined
  text = withZeros(value.replaceAll('\\%', ''))
  const sides = text.split('=')
  if (sides.length === 2 && (sides[0] ?? '').length <= 2) text = sides[1] ?? ''
  if (/\\sqrt$|\\sqrt(?=\\sqrt)/.test(text)) return undefined
  text = text.replaceAll(/\\sqrt([^{])/g, '\\sqrt{$1}').replaceAll(' ', '')
  const braced = withBraces(text)
  return braced === undefined ? undefined : asFraction(braced)
}

/** ".5" is "0.5". */
function withZeros(text: string): string {
  return text.replaceAll(' .', ' 0.').replaceAll('{.', '{0.').replace(/^\./, '0.')
}

/** "\frac12" is "\frac{1}{2}"; undefined where nothing follows a fraction. */
function withBraces(text: string): string | undefined {
  const [start = '', ...fractions] = text.split('\\frac')
  if (fractions.includes('')) return undefined
  // A single character is no fraction, and then none is touched.
  if (fractions.some((rest) => rest.length < 2 && rest !== '{')) return text
  const braced = fractions.map((rest) => rest.replace(/^([^{])\{/, '{$1}{').replace(/^([^{])([^{])/, '{$1}{$2}'))
  return [start, ...braced].join('\\frac')
}

/** "1/2" and "0.5" are "\frac{1}{2}"; undefined for a slash between what are no integers. */
function asFraction(text: string): string | undefined {
  if (text === '0.5') return '\\frac{1}{2}'
  const parts = text.split('/')
  if (parts.length !== 2) return text
  const integers = parts.map((part) => /^[-+]?\d+(?:_\d+)*$/.test(part))
  if (integers.includes(false)) return undefined
  return /^-?(?:0|[1-9]\d*)\/-?(?:0|[1-9]\d*)$/.test(text) ? `\\frac{${parts[0]}}{${parts[1]}}` : text
}

/** Whether two answers say the same; as they stand where one of them cannot be taken apart. */
export function isSameLatex(answer: string, other: string): boolean {
  const [left, right] = [plain(answer), plain(other)]
  return left === undefined || right === undefined ? answer === other : left === right
}

/** The content of the last `\boxed{…}` or `\boxed …`, else of the last `\fbox{…}`; undefined without one that is closed. */
export function lastBoxed(text: string): string | undefined {
  const [, ...spaced] = text.split('\\boxed ')
  const last = spaced.at(-1)
  if (last !== undefined) return last.split('$')[0]
  const name = text.includes('\\boxed') ? '\\boxed' : '\\fbox'
  const start = text.lastIndexOf(name)
  if (start < 0) return undefined
  let depth = 0
  for (let place = start; place < text.length; place++) {
    if (text[place] === '{') depth++
    if (text[place] !== '}' || --depth > 0) continue
    return text.slice(start + name.length + 1, place)
  }
  return undefined
}
