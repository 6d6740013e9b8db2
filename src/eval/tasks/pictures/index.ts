/**
 * The benchmarks of Phi-3-vision (the model's card, and table 5 of arXiv 2404.14219): zero-shot, the picture before the words, and a last sentence
 * that says how to answer, as in LLaVA-1.5 (arXiv 2310.03744).
 */
import { exactMatch } from '../measures.ts'
import {
  entryOf,
  indexOf,
  letterIndex,
  letterOf,
  numberOf,
  optionalText,
  optionalTexts,
  picturesOf,
  textOf,
  textsOf,
  type Row,
} from '../row.ts'
import type { PictureItem, PictureTask } from '../types.ts'
import { chosenLetter } from './choices.ts'
import { agreement, isOpenAnswer, isRelaxedlyRight } from './open-answers.ts'

const byLetter = "Answer with the option's letter from the given choices directly."
const byPhrase = 'Answer the question using a single word or phrase.'

interface Asked {
  readonly row: Row
  readonly group?: string
  readonly question: string
  readonly choices?: readonly string[]
  readonly answers: readonly string[]
}

function pictureItem({ row, group = '', question, choices = [], answers }: Asked): PictureItem {
  const options = choices.map((choice, place) => `${letterOf.charAt(place)}. ${choice.trim()}`)
  const lines = [question.trim(), ...options, choices.length > 0 ? byLetter : byPhrase]
  return {
    id: textOf(row, 'id'),
    group,
    solved: '',
    question: lines.join('\n'),
    pictures: picturesOf(row),
    choices,
    answers,
  }
}

/** Fields: `id`, `image` or `images`, `question`, `choices`, `answer` (from 0 on), and `hint` where there is one. */
function choiceItem(row: Row): PictureItem {
  const choices = textsOf(row, 'choices', 2)
  const hint = optionalText(row, 'hint')
  const question = textOf(row, 'question')
  return pictureItem({
    row,
    question: hint === undefined ? question : `${hint.trim()}\n${question}`,
    choices,
    answers: [letterOf.charAt(indexOf(row, 'answer', choices.length))],
  })
}

/** The options that a prompt lists as "(A): one (B): two". */
const listedOption = /\([A-Z]\): (.*?)(?=\s*(?:\([A-Z]\): |\n|$))/g

/** Or fields of rows whose whole prompt is there: `image`, `prompt`, `answer` (a letter). */
function promptedItem(row: Row): PictureItem {
  const question = textOf(row, 'prompt')
  const choices = [...question.matchAll(listedOption)].map(([, choice = '']) => choice)
  const answers = [letterOf.charAt(letterIndex(row, 'answer', choices.length))]
  return { id: textOf(row, 'id'), group: '', solved: '', question, pictures: picturesOf(row), choices, answers }
}

function scoreOfLetter({ choices, answers }: PictureItem, answer: string) {
  return { acc: answers.includes(chosenLetter(answer, choices)) ? 1 : 0 }
}

/** The parts that the tasks share. */
function pictureTask(
  name: string,
  title: string,
  parts: Pick<PictureTask, 'read' | 'score'> & Partial<PictureTask>,
): PictureTask {
  return { kind: 'picture', name, title, folder: name, shots: 0, maxTokens: 64, ...parts }
}

function letterTask(name: string, title: string, read: PictureTask['read'] = choiceItem): PictureTask {
  return pictureTask(name, title, { read, score: scoreOfLetter })
}

/** Fields as those of a choice, with `subject`; of a question without `choices`: `answers`. */
function examItem(row: Row): PictureItem {
  const group = optionalText(row, 'subject') ?? ''
  if (row.fields['choices'] !== undefined) return { ...choiceItem(row), group }
  return pictureItem({ row, group, question: textOf(row, 'question'), answers: textsOf(row, 'answers') })
}

export const mmmu = pictureTask('mmmu', 'MMMU', {
  read: examItem,
  score: (item, answer) =>
    item.choices.length > 0 ? scoreOfLetter(item, answer) : { acc: isOpenAnswer(answer, item.answers) ? 1 : 0 },
})

export const scienceqa = letterTask('scienceqa', 'ScienceQA', (row) =>
  row.fields['prompt'] === undefined ? choiceItem(row) : promptedItem(row),
)

/** Decimals of an answer by its kind, where that is a number. */
const decimalsOf = new Map<string, (row: Row) => number | undefined>([
  ['integer', () => 0],
  ['float', (row) => numberOf(row, 'precision')],
  ['text', () => undefined],
  ['list', () => undefined],
])

/** The number of an answer: the whole of it, else the last in it. */
function lastNumber(answer: string): number {
  const found = answer.replaceAll(/(?<=\d),(?=\d{3})/g, '').match(/-?(?:\d+\.?\d*|\.\d+)/g)
  return Number(found?.at(-1) ?? Number.NaN)
}

/**
 * Fields: `id`, `image`, `question`, `unit`, `answer_type` (integer, float, text, list), `precision` (decimals of a float), and `choices` with `answer`
 * (from 0 on), or `answer` as a text.
 */
function mathItem(row: Row): PictureItem {
  const unit = optionalText(row, 'unit')
  const question = textOf(row, 'question') + (unit === undefined ? '' : ` (Unit: ${unit})`)
  const choices = optionalTexts(row, 'choices')
  if (choices.length > 0) {
    const answers = [letterOf.charAt(indexOf(row, 'answer', choices.length))]
    return pictureItem({ row, question, choices, answers })
  }
  const decimals = entryOf(row, 'answer_type', decimalsOf)(row)
  const item = pictureItem({ row, question, answers: [textOf(row, 'answer')] })
  return decimals === undefined ? item : { ...item, decimals }
}

/** The answer is taken out by rule, where its authors have a model for it. */
export const mathvista = pictureTask('mathvista', 'MathVista', {
  maxTokens: 256,
  read: mathItem,
  score(item, answer) {
    if (item.choices.length > 0) return scoreOfLetter(item, answer)
    const [right = ''] = item.answers
    const { decimals } = item
    if (decimals === undefined) {
      return { acc: exactMatch(answer.trim(), [right], { ignored: [/\s/g, /\.$/g], ignoreCase: true }) }
    }
    // Of integers the rest is cut off, others are rounded.
    const form = (value: number): string => (decimals === 0 ? String(Math.trunc(value)) : value.toFixed(decimals))
    return { acc: form(lastNumber(answer)) === form(Number(right)) ? 1 : 0 }
  },
})

export const intergps = letterTask('intergps', 'InterGPS')
export const mmbench = letterTask('mmbench', 'MMBench')
export const ai2d = letterTask('ai2d', 'AI2D')

const yesAndNo = new Map([
  ['yes', 'yes'],
  ['no', 'no'],
])

/** What an answer says, by POPE's rule: no where its first sentence has a word for it, else yes. */
function yesOrNo(answer: string): string {
  const [sentence = ''] = answer.split('.')
  const words = sentence.replaceAll(',', '').split(/\s+/)
  return words.some((word) => ['No', 'no', 'not'].includes(word)) ? 'no' : 'yes'
}

/** POPE (arXiv 2305.10355): whether something is in a picture. Fields: `id`, `image`, `subset`, `question`, `answer` (yes or no). */
export const pope = pictureTask('pope', 'POPE', {
  byGroup: true,
  read: (row) =>
    pictureItem({
      row,
      group: textOf(row, 'subset'),
      question: textOf(row, 'question'),
      answers: [entryOf(row, 'answer', yesAndNo)],
    }),
  score: ({ answers }, answer) => {
    const said = yesOrNo(answer)
    return { acc: answers.includes(said) ? 1 : 0, yes: said === 'yes' ? 1 : 0 }
  },
  overall(scores) {
    const count = (acc: number, yes: number): number =>
      scores.filter((score) => score['acc'] === acc && score['yes'] === yes).length
    const found = count(1, 1)
    const total = 2 * found + count(0, 1) + count(0, 0)
    return { f1: total === 0 ? 0 : (2 * found) / total }
  },
})

/** Fields: `id`, `image`, `question`, `answer`, `type` (human or augmented). */
export const chartqa = pictureTask('chartqa', 'ChartQA', {
  byGroup: true,
  read: (row) =>
    pictureItem({
      row,
      group: textOf(row, 'type'),
      question: textOf(row, 'question'),
      answers: [textOf(row, 'answer')],
    }),
  score: ({ answers }, answer) => ({ relaxed: answers.some((right) => isRelaxedlyRight(answer, right)) ? 1 : 0 }),
})

/** Fields: `id`, `image`, `question`, `answers` (of ten people). */
export const textvqa = pictureTask('textvqa', 'TextVQA', {
  read: (row) => pictureItem({ row, question: textOf(row, 'question'), answers: textsOf(row, 'answers') }),
  score: ({ answers }, answer) => ({ acc: agreement(answer, answers) }),
})

export const pictureTasks: readonly PictureTask[] = [
  mmmu,
  scienceqa,
  mathvista,
  intergps,
  mmbench,
  pope,
  ai2d,
  chartqa,
  textvqa,
]
