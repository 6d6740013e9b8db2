import type { Random } from '../../../base/random.ts'
import { capitalise, counted, fill, numberInWords, plural, type Slots } from '../grammar.ts'
import { isHeldOutPair, type Operation } from '../held-out.ts'
import {
  heldOutFemaleNames,
  heldOutMaleNames,
  inventedWord,
  trainingFemaleNames,
  trainingMaleNames,
} from '../tables/names.ts'
import { heldOutNouns, trainingNouns } from '../tables/nouns.ts'
import type { Split } from '../types.ts'
import { moreNames, moreNouns } from '../wordings/nouns.ts'
import { composedEquation, composedProblem } from './arithmetic-composed.ts'
import { comparisonWordings, equationWordings, families, type Family, type Shape } from './arithmetic-families.ts'
import { animalNouns, edibleNouns, scenes } from './arithmetic-scenes.ts'
import {
  workAddition,
  workComparison,
  workDivision,
  workMultiplication,
  workSubtraction,
  type Worked,
} from './arithmetic-steps.ts'

/** From which side of the wall each ingredient of a problem is drawn. */
export interface ProblemSplits {
  readonly words: Split
  readonly numbers: Split
  readonly wordings: Split
}

export const trainingSplits: ProblemSplits = { words: 'training', numbers: 'training', wordings: 'training' }

export interface Problem {
  /** The family, or the sign of a plain equation. */
  readonly family: string
  readonly question: string
  /** The worked answer; its last number is the result. */
  readonly answer: string
  readonly result: number
}

export interface Character {
  readonly name: string
  readonly female: boolean
}

/** A name that is not of the cast; in training one in four is invented. */
export function drawCharacter(random: Random, split: Split): Character {
  const female = random.float() < 0.5
  if (split === 'heldOut') return { name: random.pick(female ? heldOutFemaleNames : heldOutMaleNames), female }
  if (random.float() < 0.25) {
    for (;;) {
      const name = capitalise(inventedWord((items) => random.pick(items), random.integer(1, 3)))
      if (!reservedNames.has(name)) return { name, female }
    }
  }
  return { name: random.pick(female ? trainingNames.female : trainingNames.male), female }
}

const trainingNames = {
  female: [...trainingFemaleNames, ...moreNames.female],
  male: [...trainingMaleNames, ...moreNames.male],
}
const allTrainingNouns = [...trainingNouns, ...moreNouns]
const reservedNames = new Set([...heldOutFemaleNames, ...heldOutMaleNames])

const reservedNouns = new Set(heldOutNouns.flatMap((noun) => [noun, plural(noun)]))

/** Whether training text may not have this word, as a name or as a noun. */
export function isReservedWord(word: string): boolean {
  return reservedNames.has(capitalise(word)) || reservedNouns.has(word)
}

/** A countable noun; in training one in four is invented, so that the noun must be copied. */
export function drawNoun(random: Random, split: Split, invented: boolean = random.float() < 0.25): string {
  if (split === 'heldOut') return random.pick(heldOutNouns)
  if (invented) {
    for (;;) {
      const noun = inventedWord((items) => random.pick(items), random.integer(1, 3))
      if (!reservedNouns.has(noun) && !reservedNouns.has(plural(noun))) return noun
    }
  }
  return random.pick(allTrainingNouns)
}

const boxes = ['box', 'bag', 'basket', 'bowl', 'bucket', 'jar', 'drawer', 'sack', 'tray', 'crate', 'tin', 'case']
const adjectives = 'red,blue,green,yellow,white,black,big,small,old,new,brown,grey,pink,heavy,light'.split(',')
const verbs: readonly (readonly [string, string])[] = [
  ['gets', 'got'],
  ['finds', 'found'],
  ['buys', 'bought'],
  ['collects', 'collected'],
  ['takes', 'took'],
  ['brings home', 'brought home'],
]
const losingVerbs: readonly (readonly [string, string])[] = [
  ['loses', 'lost'],
  ['gives away', 'gave away'],
  ['sells', 'sold'],
]

interface Numbers {
  readonly a: number
  readonly b: number
  readonly c: number
  readonly work: readonly Worked[]
}

/** Whether a pair may be used on this side. */
function allowed(first: number, second: number, operation: Operation, split: Split): boolean {
  return isHeldOutPair(first, second, operation) === (split === 'heldOut')
}

/** Uniform over all pairs, with one in four small. */
function drawTerms(random: Random, low: number): [number, number] {
  if (random.float() < 0.22) {
    const first = random.integer(low, 11)
    return [first, random.integer(low, 11)]
  }
  const total = random.integer(2 * low + 8, 101)
  const first = random.integer(low, total - low + 1)
  return [first, total - first]
}

/** Two terms whose sum is at most 100. */
function drawSum(random: Random, low: number, split: Split): [number, number] {
  for (;;) {
    const [first, second] = drawTerms(random, low)
    if (allowed(first, second, '+', split)) return [first, second]
  }
}

function drawDifference(random: Random, low: number, split: Split): [number, number] {
  for (;;) {
    const [first, second] = drawTerms(random, low)
    if (allowed(first + second, second, '-', split)) return [first + second, second]
  }
}

/** How many groups of how many: of the table, and in training often beyond it, up to 100. */
function drawGroups(random: Random, low: number, split: Split): [number, number] {
  if (split === 'heldOut' || random.float() < 0.65) return [random.integer(low, 11), random.integer(low, 11)]
  const count = random.integer(low, 17)
  return [count, random.integer(low, Math.floor(100 / count) + 1)]
}

function drawFactors(random: Random, low: number, split: Split): [number, number] {
  for (;;) {
    const [first, second] = drawGroups(random, low, split)
    if (allowed(first, second, '×', split)) return [first, second]
  }
}

function drawQuotient(random: Random, low: number, split: Split): [number, number] {
  for (;;) {
    const [quotient, divisor] = drawGroups(random, low, split)
    if (allowed(divisor * quotient, divisor, '÷', split)) return [divisor * quotient, divisor]
  }
}

function drawNumbers(random: Random, shape: Shape, split: Split): Numbers {
  for (;;) {
    if (shape === 'add') {
      const [a, b] = drawSum(random, 2, split)
      return { a, b, c: 0, work: [workAddition(a, b)] }
    }
    if (shape === 'subtract') {
      const [a, b] = drawDifference(random, 2, split)
      return { a, b, c: 0, work: [workSubtraction(a, b)] }
    }
    if (shape === 'divide') {
      const [a, b] = drawQuotient(random, 2, split)
      return { a, b, c: 0, work: [workDivision(a, b)] }
    }
    if (shape === 'multiply') {
      const [a, b] = drawFactors(random, 2, split)
      return { a, b, c: 0, work: [workMultiplication(a, b)] }
    }
    if (shape === 'add-subtract' || shape === 'add-add') {
      const [a, b] = drawSum(random, 2, split)
      const sum = a + b
      const c =
        shape === 'add-add' ? random.integer(2, Math.max(3, 101 - sum)) : random.integer(2, Math.max(3, sum - 1))
      if (shape === 'add-add' && (sum + c > 100 || !allowed(sum, c, '+', split))) continue
      if (shape === 'add-subtract' && (sum - c < 2 || !allowed(sum, c, '-', split))) continue
      return {
        a,
        b,
        c,
        work: [workAddition(a, b), shape === 'add-add' ? workAddition(sum, c) : workSubtraction(sum, c)],
      }
    }
    const [a, b] = drawFactors(random, 2, split)
    const product = a * b
    if (shape === 'multiply-add') {
      const c = random.integer(2, 31)
      if (product + c > 100 || !allowed(product, c, '+', split)) continue
      return { a, b, c, work: [workMultiplication(a, b), workAddition(product, c)] }
    }
    const c = random.integer(2, 31)
    if (product - c < 2 || !allowed(product, c, '-', split)) continue
    return { a, b, c, work: [workMultiplication(a, b), workSubtraction(product, c)] }
  }
}

const familyWheel: readonly Family[] = families.flatMap((family) => Array<Family>(family.weight).fill(family))

function distinctCharacters(random: Random, split: Split): [Character, Character, Character] {
  for (;;) {
    const drawn: [Character, Character, Character] = [
      drawCharacter(random, split),
      drawCharacter(random, split),
      drawCharacter(random, split),
    ]
    if (new Set(drawn.map((character) => character.name)).size === 3) return drawn
  }
}

function slotsFor(random: Random, numbers: Numbers, split: Split, noun: string): Slots {
  const { a, b, c, work } = numbers
  const result = work.at(-1)?.result ?? 0
  const [first, second, third] = distinctCharacters(random, split)
  const many = plural(noun)
  let box = random.pick(boxes)
  while (box === noun) box = random.pick(boxes)
  const [k1 = '', k2 = '', k3 = ''] = random.shuffle(adjectives.slice()).slice(0, 3)
  const [gets, got] = random.pick(verbs)
  const [loses, lost] = random.pick(losingVerbs)
  // Small numbers are sometimes written in words; the worked answer always uses digits.
  const inWords = a <= 20 && b <= 20 && c <= 20 && random.float() < 0.2
  const show = (value: number): string => (inWords ? numberInWords(value) : String(value))
  const count = (value: number): string => counted(value, noun, many).replace(/^\d+/, show(value))
  return {
    ...{ P: first.name, Q: second.name, S: third.name },
    ...(first.female ? { he: 'she', him: 'her', his: 'her' } : { he: 'he', him: 'him', his: 'his' }),
    ...{ an: count(a), bn: count(b), cn: count(c), rn: counted(result, noun, many) },
    ...{ a: show(a), b: show(b), c: show(c), r: String(result), n: noun, ns: many },
    ...{ box, boxes: plural(box), k1, k2, k3, gets, got, loses, lost },
  }
}

const capitaliseSentences = (text: string): string =>
  capitalise(text).replace(/([.?!] )([a-z])/g, (_, mark: string, letter: string) => mark + letter.toUpperCase())

function explain(work: readonly Worked[]): string {
  const [first, second] = work
  if (first === undefined) return ''
  if (second === undefined) return `We ${first.lead} ${first.steps}`
  return `First we ${first.lead} ${first.steps} Then we ${second.lead} ${second.steps}`
}

export function drawWordProblem(random: Random, splits: ProblemSplits = trainingSplits): Problem {
  const family = random.pick(familyWheel)
  const numbers = drawNumbers(random, family.shape, splits.numbers)
  const wording = random.pick(splits.wordings === 'training' ? family.training : family.heldOut)
  return compose(random, family.name, wording, numbers, splits.words, drawNoun(random, splits.words))
}

/** A problem of training from one of the scenes. */
export function drawScene(random: Random): Problem {
  const [shape, scene] = random.pick(scenes)
  const numbers = drawNumbers(random, shape, 'training')
  const wording = scene.replace(/^\[\w+\] /, '')
  const noun = scene.startsWith('[food]')
    ? random.pick(edibleNouns)
    : scene.startsWith('[animal]')
      ? random.pick(animalNouns)
      : drawNoun(random, 'training')
  return compose(random, `${shape} scene`, wording, numbers, 'training', noun)
}

/** A problem of training whose wording is put together from parts. */
export function drawComposed(random: Random): Problem {
  const { shape, wording } = composedProblem(random)
  const numbers = drawNumbers(random, shape, 'training')
  return compose(random, `${shape} composed`, wording, numbers, 'training', drawNoun(random, 'training'))
}

function compose(
  random: Random,
  family: string,
  wording: string,
  numbers: Numbers,
  words: Split,
  noun: string,
): Problem {
  return composed(family, wording, numbers, slotsFor(random, numbers, words, noun))
}

function composed(family: string, wording: string, numbers: Numbers, slots: Slots): Problem {
  const [ask = ''] = wording.split(' || ')
  return {
    family,
    question: capitaliseSentences(fill(ask, slots)),
    answer: workedAnswer(wording, numbers, slots),
    result: numbers.work.at(-1)?.result ?? 0,
  }
}

/** The steps, the closing sentence and the answer; the slots are those of the question. */
function workedAnswer(wording: string, { a, b, c, work }: Numbers, slots: Slots): string {
  const [, close = ''] = wording.split(' || ')
  const result = work.at(-1)?.result ?? 0
  const [noun = '', many = ''] = [slots['n'], slots['ns']]
  // Closing sentences repeat numbers in digits; the question may have them in words.
  const digits = { a: String(a), b: String(b), c: String(c), r: String(result) }
  const closing = { ...slots, ...digits, an: counted(a, noun, many), rn: counted(result, noun, many) }
  return `${explain(work)} ${fill(close, closing)} The answer is ${result}.`
}

/** The same numbers under another sign, where that gives another number from 2 to 100 and training may have the pair. */
function underOtherSign(sign: Operation, a: number, b: number, right: number): Worked | undefined {
  const other: Operation = sign === '-' || sign === '×' ? '+' : '-'
  if (!allowed(a, b, other, 'training')) return undefined
  const result = other === '+' ? a + b : a - b
  if (result < 2 || result > 100 || result === right) return undefined
  return other === '+' ? workAddition(a, b) : workSubtraction(a, b)
}

/** A problem with its worked answer, and the same worked under a wrong sign. */
export interface MistakenProblem extends Problem {
  readonly mistaken: string
}

const signOfShape: Readonly<Partial<Record<Shape, Operation>>> = { add: '+', subtract: '-', multiply: '×', divide: '÷' }

function familyProblem(random: Random): ReturnType<typeof composedProblem> {
  const { shape, training } = random.pick(familyWheel)
  return { shape, wording: random.pick(training) }
}

/** A word problem of one step. */
export function drawMistakenProblem(random: Random): MistakenProblem {
  for (;;) {
    const { shape, wording } = random.float() < 0.5 ? composedProblem(random) : familyProblem(random)
    const sign = signOfShape[shape]
    if (sign === undefined) continue
    const numbers = drawNumbers(random, shape, 'training')
    const wrong = underOtherSign(sign, numbers.a, numbers.b, numbers.work[0]?.result ?? 0)
    if (wrong === undefined) continue
    const slots = slotsFor(random, numbers, 'training', drawNoun(random, 'training'))
    const mistaken = workedAnswer(wording, { ...numbers, work: [wrong] }, slots)
    return { ...composed(shape, wording, numbers, slots), mistaken }
  }
}

/** A plain equation. */
export function drawMistakenEquation(random: Random): MistakenProblem {
  for (;;) {
    const { sign, a, b, worked } = drawOperation(random, 'training')
    const wrong = underOtherSign(sign, a, b, worked.result)
    if (wrong === undefined) continue
    return { ...equation(random, 'training', { sign, a, b, worked }), mistaken: equationAnswer(wrong) }
  }
}

const signs = ['+', '+', '+', '-', '-', '-', '×', '×', '÷', '÷'] as const

interface DrawnOperation {
  readonly sign: keyof typeof equationWordings
  readonly a: number
  readonly b: number
  readonly worked: Worked
}

function drawOperation(random: Random, split: Split, sign = random.pick(signs)): DrawnOperation {
  if (sign === '+') {
    const [a, b] = drawSum(random, 0, split)
    return { sign, a, b, worked: workAddition(a, b) }
  }
  if (sign === '-') {
    const [a, b] = drawDifference(random, 0, split)
    return { sign, a, b, worked: workSubtraction(a, b) }
  }
  if (sign === '×') {
    const [a, b] = drawFactors(random, 1, split)
    return { sign, a, b, worked: workMultiplication(a, b) }
  }
  const [a, b] = drawQuotient(random, 1, split)
  return { sign, a, b, worked: workDivision(a, b) }
}

function trainingEquation(random: Random, sign: DrawnOperation['sign']): string {
  return random.float() < 0.5 ? random.pick(equationWordings[sign].training) : composedEquation(random, sign)
}

const equationAnswer = ({ lead, steps, result }: Worked): string => `We ${lead} ${steps} The answer is ${result}.`

function equation(random: Random, wordings: Split, { sign, a, b, worked }: DrawnOperation): Problem {
  const wording = wordings === 'training' ? trainingEquation(random, sign) : random.pick(equationWordings[sign].heldOut)
  const question = fill(wording, { a: String(a), b: String(b) })
  return { family: sign, question, answer: equationAnswer(worked), result: worked.result }
}

export function drawEquation(random: Random, splits: ProblemSplits = trainingSplits): Problem {
  return equation(random, splits.wordings, drawOperation(random, splits.numbers))
}

export function drawNumberComparison(random: Random, splits: ProblemSplits = trainingSplits): Problem {
  for (;;) {
    const a = random.integer(0, 101)
    const near = random.float() < 0.4
    const b = near ? a - (a % 10) + random.integer(0, 10) : random.integer(0, 101)
    if (a === b || b > 100 || !allowed(a, b, '<>', splits.numbers)) continue
    const word = random.pick(['bigger', 'smaller'] as const)
    const worked = workComparison(a, b, word)
    const wordings = splits.wordings === 'training' ? comparisonWordings.training : comparisonWordings.heldOut
    const question = fill(random.pick(wordings), { a: String(a), b: String(b), w: word })
    return {
      family: '<>',
      question,
      answer: `We ${worked.lead} ${worked.steps} The answer is ${worked.result}.`,
      result: worked.result,
    }
  }
}
