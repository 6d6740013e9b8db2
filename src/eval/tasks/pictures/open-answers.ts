/** Answers about pictures in a word, a phrase or a number, by the rules of MMMU, ChartQA and TextVQA. */

/** The number that a text is, with commas or without. */
function numberIn(text: string): number | undefined {
  const plain = text.replaceAll(',', '').trim()
  const value = plain === '' ? Number.NaN : Number(plain)
  return Number.isFinite(value) ? value : undefined
}

type Plain = string | number

/** A number to two decimals, or a text in small letters; a single letter has space on one side, so that it is not found within words. */
function plainForms(text: string): readonly Plain[] {
  const value = numberIn(text)
  if (value !== undefined) return [Math.round(value * 100) / 100]
  const small = text.trim().toLowerCase()
  return [...small].length === 1 ? [` ${small}`, `${small} `] : [small]
}

const announcements = ['could be ', 'so ', 'is ', 'thus ', 'therefore ', 'final ', 'answer ', 'result ']

/** What follows the announcements of results in a text, the shortest of each sentence; the whole where there is none. */
function announced(answer: string): readonly string[] {
  const whole = answer
    .trim()
    .replaceAll(/^\.+|\.+$/g, '')
    .toLowerCase()
  const sentences = whole.split(/\.\s(?=[A-Z])|\n/)
  const found = sentences.flatMap((sentence, index) => {
    const words = index === sentences.length - 1 ? [...announcements, '='] : announcements
    const ends = words
      .filter((word) => sentence.includes(word))
      .map((word) => sentence.split(word).at(-1)?.trim() ?? '')
    const [shortest = ''] = ends.sort((a, b) => a.length - b.length)
    return shortest === '' || /^[:,.!?;']$/.test(shortest) ? [] : [shortest]
  })
  return found.length === 0 ? [whole] : found
}

const numberForms = [
  /-?\b\d{1,3}(?:,\d{3})+\b/g,
  /-?\d+(?:\.\d+)?[eE][+-]?\d+/g,
  /-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])/g,
]

/** MMMU: whether any form of the answer has one that counts: an equal number, or a text that it contains. */
export function isOpenAnswer(answer: string, answers: readonly string[]): boolean {
  const results = announced(answer)
  const numbers = results.flatMap((text) => numberForms.flatMap((form) => text.match(form) ?? []))
  const said = [...results, ...numbers].flatMap(plainForms)
  const right = answers.flatMap(plainForms)
  return said.some((form) =>
    typeof form === 'number'
      ? right.includes(form)
      : right.some((text) => typeof text === 'string' && form.includes(text)),
  )
}

/** A number for ChartQA: a percentage is its hundredth. */
function chartNumber(text: string): number | undefined {
  const value = text.endsWith('%') ? Number(text.replace(/%+$/, '')) / 100 : Number(text)
  return text.trim() === '' || Number.isNaN(value) ? undefined : value
}

/** ChartQA (arXiv 2203.10244): a number within 5 % of the right one, or the same text but for its case. */
export function isRelaxedlyRight(answer: string, right: string): boolean {
  const [said, wanted] = [chartNumber(answer.trim()), chartNumber(right.trim())]
  if (said !== undefined && wanted !== undefined && wanted !== 0)
    return Math.abs(said - wanted) / Math.abs(wanted) <= 0.05
  return answer.trim().toLowerCase() === right.trim().toLowerCase()
}

const numberWords = new Map(
  ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'].map((word, value) => [
    word,
    String(value),
  ]),
).set('none', '0')

const articles = new Set(['a', 'an', 'the'])

/** What is found without its apostrophe gets it back. */
const contractions = new Map(
  (
    "ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he'd he's how'd how'll how's i'd i'm i've isn't it'd it'll " +
    "let's ma'am mightn't might've mustn't must've needn't o'clock oughtn't shan't she's should've shouldn't somebody's someone's something's " +
    "that's there's they'd they'll they're they've wasn't we've weren't what'll what're what's what've when's where'd where's who'd who'll who's " +
    "why's won't would've wouldn't y'all you'd you'll you're you've"
  )
    .split(' ')
    .map((word) => [word.replaceAll("'", ''), word]),
)

const marks = [';', '/', '[', ']', '"', '{', '}', '(', ')', '=', '+', '\\', '_', '-', '>', '<', '@', '`', ',', '?', '!']

/** An answer as those of VQA are compared: without marks and articles, numbers as digits. */
export function plainAnswer(answer: string): string {
  const text = answer
    .toLowerCase()
    .replaceAll(/[,?]/g, '')
    .replaceAll("'s", " 's")
    .replaceAll(/[\n\t]/g, ' ')
    .trim()
  let unmarked = text
  for (const mark of marks) {
    const isLoose = text.includes(`${mark} `) || text.includes(` ${mark}`)
    unmarked = unmarked.replaceAll(mark, isLoose ? '' : ' ')
  }
  return unmarked
    .replaceAll(/\.(?!\d)/g, '')
    .split(/\s+/)
    .map((word) => numberWords.get(word) ?? word)
    .filter((word) => word !== '' && !articles.has(word))
    .map((word) => contractions.get(word) ?? word)
    .join(' ')
}

/**
 * The accuracy of VQA (arXiv 1505.00468): right as far as three people gave that answer, on average over all but each of them.
 *
 * @param answers what people said, ten as a rule
 */
export function agreement(answer: string, answers: readonly string[]): number {
  const said = plainAnswer(answer)
  const people = answers.map(plainAnswer)
  const same = people.filter((other) => other === said).length
  const sum = people.reduce((total, other) => total + Math.min(1, (other === said ? same - 1 : same) / 3), 0)
  return sum / people.length
}
