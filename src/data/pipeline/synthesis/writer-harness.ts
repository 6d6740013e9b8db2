/** A server that writes what a plan asks for, every text another one, and of which one answer in five is of no use. */
import { crc32 } from 'node:zlib'
import { Random } from '../../../base/random.ts'
import { ScriptedServer, type AskedBody, type Reply } from '../asking/scripted-server-harness.ts'
import type { FormName } from './forms/index.ts'
import type { SynthesisPlan } from './plan.ts'

/** What is wrong with one answer, and not with the next one to the same question. */
const passingFaults = [
  'torn',
  'prose',
  'refusal',
  'refusal by field',
  'too short',
  'incomplete',
  'repeats itself',
  'damaged text',
  'wrong arithmetic',
  'empty',
  'cut off',
  'no interface',
  'slow',
  'busy',
  'broken',
] as const
/** What is wrong with a text however often it is asked for, and cannot be seen in it alone. */
const lastingFaults = ['wrong answer', 'same text', 'nearly the same text', 'benchmark', 'same opening'] as const
/** The solver errs, now and then. */
const solverFaults = ['wrong solution'] as const

type Passing = (typeof passingFaults)[number]
type Lasting = (typeof lastingFaults)[number]
type Fault = Passing | Lasting | (typeof solverFaults)[number]

/** Those that need a text to be in. */
const faultsOfTexts: readonly Fault[] = ['too short', 'repeats itself', 'damaged text', 'wrong arithmetic']

/** Percent of answers. */
const [passing, lasting, solving] = [12, 8, 6]

/** In the questions of the benchmark that texts are compared with. */
export const benchmarkQuestion =
  'Seven lighthouse keepers share nineteen candles for the long winter. How many candles are left over when each has two of them?'

const nouns =
  'lamp river baker violin hill garden ladder window carpet kettle forest bridge pencil sparrow market tunnel harbour blanket compass orchard anchor bucket candle drawer engine feather glacier hammer island jacket kitchen lantern mirror needle oven pillow quarry ribbon saddle temple umbrella valley wagon yard'.split(
    ' ',
  )
const verbs = 'holds moves lifts turns warms follows carries hides opens covers reaches crosses meets changes'.split(
  ' ',
)

/** Sentences that no other seed gives. */
function sentences(random: Random, count: number): string {
  const noun = (): string => random.pick(nouns)
  return Array.from(
    { length: count },
    () =>
      `${capital(noun())} ${random.pick(verbs)} ${noun()} because ${noun()} ${random.pick(verbs)} ${noun()} near ${noun()}.`,
  ).join(' ')
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)

interface Numbers {
  readonly boxes: number
  readonly each: number
  readonly given: number
}

const questionText = ({ boxes, each, given }: Numbers, story: string): string =>
  `${story} There are ${boxes} boxes with ${each} pieces each, and ${given} pieces are given away. How many pieces are left?`

function numbersIn(question: string): Numbers {
  const [, boxes, each, given] = /There are (\d+) boxes with (\d+) .* and (\d+) pieces are/.exec(question) ?? []
  return { boxes: Number(boxes), each: Number(each), given: Number(given) }
}

function solved({ boxes, each, given }: Numbers, operator: '×' | '+' = '×'): { steps: string[]; answer: string } {
  const all = operator === '×' ? boxes * each : boxes + each
  return {
    steps: [
      `First all pieces: ${boxes} ${operator} ${each} = ${all}.`,
      `Then those given away go: ${all} - ${given} = ${all - given}.`,
    ],
    answer: `${all - given} pieces`,
  }
}

/** What an honest server writes for a combination: the object of the form. */
function honestFields(form: FormName, name: string): Record<string, unknown> {
  const random = new Random(crc32(name))
  switch (form) {
    case 'textbook':
      return { title: sentences(random, 1), text: `${sentences(random, 9)}\n\n${sentences(random, 9)}` }
    case 'question':
      return { question: `${sentences(random, 1)} Why is that?`, answer: sentences(random, 5) }
    case 'conversation': {
      const turn = (role: string, count: number): object => ({ role, content: sentences(random, count) })
      return { turns: [turn('user', 1), turn('assistant', 4), turn('user', 1), turn('assistant', 4)] }
    }
    case 'exercise': {
      const story = sentences(random, 3)
      const numbers = { boxes: random.integer(3, 30), each: random.integer(3, 30), given: random.integer(1, 5) }
      return { question: questionText(numbers, story), ...solved(numbers) }
    }
  }
}

/** The field that most of the text is in. */
const mainField: Readonly<Record<FormName, string>> = {
  textbook: 'text',
  question: 'answer',
  exercise: 'question',
  conversation: 'turns',
}

interface Wanted {
  readonly form: FormName
  readonly topic: string
  readonly audience: string
}

const nameOf = ({ form, topic, audience }: Wanted): string => `${form} ${topic} ${audience}`

function wantedOf(user: string): Wanted {
  const [, topic = '', audience = ''] = /^Topic: (.*)\nFor: (.*)$/m.exec(user) ?? []
  const example = JSON.parse(user.slice(user.lastIndexOf('Form: ') + 6)) as object
  const form =
    'turns' in example ? 'conversation' : 'steps' in example ? 'exercise' : 'text' in example ? 'textbook' : 'question'
  return { form, topic, audience }
}

export class ScriptedWriter extends ScriptedServer {
  /** Faults that were committed: of lasting ones once for each text. */
  readonly committed = new Map<Fault, Set<string>>()
  /** Questions, and how often each was asked. */
  readonly asked = new Map<string, number>()
  /** Which faults happen; none for an honest server. */
  faults: readonly Fault[] = [...passingFaults, ...lastingFaults]

  count(...kinds: readonly Fault[]): number {
    const counted = kinds.length === 0 ? [...this.committed.keys()] : kinds
    return counted.reduce((sum, kind) => sum + (this.committed.get(kind)?.size ?? 0), 0)
  }

  /** What is wrong with the text for a combination, whenever it is written. */
  lastingFault(wanted: Wanted): Lasting | undefined {
    const allowed = lastingFaults.filter((fault) => this.faults.includes(fault))
    const fault = drawn(`lasting ${nameOf(wanted)}`, lasting, allowed)
    // Exercises are what can be wrong and noticed.
    const isWrong = wanted.form === 'exercise' && fault !== undefined && this.faults.includes('wrong answer')
    return isWrong ? 'wrong answer' : fault === 'wrong answer' ? undefined : fault
  }

  protected reply({ messages }: AskedBody): Reply {
    const [system, user] = messages.map(({ content }) => content) as [string, string]
    const attempt = (this.asked.get(user) ?? 0) + 1
    this.asked.set(user, attempt)
    const wanted = system.startsWith('You solve') ? undefined : wantedOf(user)
    const allowed = passingFaults.filter((fault) => this.faults.includes(fault) && canSpoil(fault, wanted?.form))
    const fault = drawn(`passing ${user} ${attempt}`, passing, allowed)
    if (fault !== undefined) this.#note(fault, `${user} ${attempt}`)
    const fields = wanted === undefined ? this.#solve(user, attempt) : this.#write(wanted)
    return fault === undefined ? { content: JSON.stringify(fields) } : spoilt(fault, fields)
  }

  #note(fault: Fault, name: string): void {
    const names = this.committed.get(fault) ?? new Set()
    this.committed.set(fault, names.add(name))
  }

  #solve(question: string, attempt: number): Record<string, unknown> {
    const allowed = solverFaults.filter((fault) => this.faults.includes(fault))
    const fault = drawn(`solving ${question} ${attempt}`, solving, allowed)
    if (fault !== undefined) this.#note(fault, `${question} ${attempt}`)
    return solved(numbersIn(question), fault === undefined ? '×' : '+')
  }

  #write(wanted: Wanted): Record<string, unknown> {
    const fault = this.lastingFault(wanted)
    if (fault !== undefined) this.#note(fault, nameOf(wanted))
    return textWith(fault, wanted)
  }
}

/** The object that is written for a combination, with what is wrong with it. */
function textWith(fault: Lasting | undefined, wanted: Wanted): Record<string, unknown> {
  const { form } = wanted
  const fields = honestFields(form, nameOf(wanted))
  const common = honestFields(form, 'what everybody gets')
  switch (fault) {
    case undefined:
      return fields
    case 'wrong answer':
      return { ...fields, ...solved(numbersIn(String(fields['question'])), '+') }
    case 'same text':
      return common
    case 'nearly the same text':
      return JSON.parse(JSON.stringify(common).replace('because', `because ${wanted.topic} and`)) as typeof common
    case 'benchmark':
      return changedText(form, fields, (text) => `${text} ${benchmarkQuestion}`)
    case 'same opening':
      return changedText(form, fields, (text) => `Once upon a time there was a ${text}`)
  }
}

/** Changes the first text of an answer, which is what all of it begins with. */
function changedText(
  form: FormName,
  fields: Record<string, unknown>,
  change: (text: string) => string,
): Record<string, unknown> {
  if (form === 'conversation') {
    const [first, ...others] = fields['turns'] as { role: string; content: string }[]
    return { turns: [{ ...first, content: change(first?.content ?? '') }, ...others] }
  }
  const field = form === 'question' ? 'question' : mainField[form]
  return { ...fields, [field]: change(String(fields[field])) }
}

/** @param form of a text, or undefined for a solution */
function canSpoil(fault: Passing, form: FormName | undefined): boolean {
  if (fault === 'incomplete') return form !== 'textbook' && form !== 'question'
  return form !== undefined || !faultsOfTexts.includes(fault)
}

function spoilt(fault: Passing, fields: Record<string, unknown>): Reply {
  const whole = JSON.stringify(fields)
  const [first = ''] = Object.keys(fields)
  const turns = fields['turns'] as { role: string; content: string }[] | undefined
  const said = (change: object): Reply => ({ content: JSON.stringify({ ...fields, ...change }) })
  switch (fault) {
    case 'torn':
      return { content: whole.slice(0, -9) }
    case 'prose':
      return { content: 'A fine topic. One could write much about it.' }
    case 'refusal':
      return { content: "I'm sorry, but I cannot write about this." }
    case 'refusal by field':
      return { content: '', refusal: 'No.' }
    case 'too short':
      return turns === undefined
        ? said({ [first]: '' })
        : said({ turns: turns.map((turn) => ({ ...turn, content: 'Yes.' })) })
    case 'incomplete':
      if (turns !== undefined) return said({ turns: turns.slice(0, 3) })
      return said({ steps: [], answer: '' })
    case 'repeats itself':
      return { content: whole.replaceAll(/"([^"]{40,})"/g, (_, text: string) => `"${`${text} `.repeat(3)}"`) }
    case 'damaged text':
      return { content: whole.replace('because', String.raw`because \frac`) }
    case 'wrong arithmetic':
      return { content: whole.replaceAll('because', 'because 7 × 12 = 74 and').replace(/= \d+\./, '= 12345.') }
    case 'empty':
      return { content: '' }
    case 'cut off':
      return { content: whole.slice(0, 40), finish: 'length' }
    case 'no interface':
      return { page: '<html>Welcome to the gateway</html>' }
    case 'slow':
      return 'hold'
    case 'busy':
      return { status: 429, headers: { 'retry-after': '3' } }
    case 'broken':
      return { status: 502 }
  }
}

function drawn<Kind>(name: string, percent: number, kinds: readonly Kind[]): Kind | undefined {
  const chance = new Random(crc32(name))
  return kinds.length > 0 && chance.float() < percent / 100 ? chance.pick(kinds) : undefined
}

/** A plan of so many texts. */
export function planOf(count: number, more: Partial<SynthesisPlan> = {}): SynthesisPlan {
  const topics = Array.from({ length: 60 }, (_, index) => `topic ${index}`)
  return {
    name: 'lessons',
    description: 'For tests.',
    seed: 1,
    count,
    topics,
    audiences: ['children', 'pupils', 'grown-ups'],
    forms: { textbook: 2, exercise: 2, conversation: 1, question: 1 },
    temperature: 0.8,
    longest: 900,
    duplicates: { words: 3, bands: 30, rows: 4, similarity: 0.5 },
    openings: { words: 5, most: 3 },
    ...more,
  }
}
