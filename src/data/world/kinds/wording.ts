import type { Random } from '../../../base/random.ts'
import type { Split } from '../types.ts'
import * as more from '../wordings/frames.ts'

/** How one kind of question is asked and answered. Slots in braces are filled from the entity (see `fill`). */
export interface Wording {
  /** Complete questions for training. */
  readonly direct: readonly string[]
  /** Complete questions that are reserved for evaluation. */
  readonly heldOut: readonly string[]
  /** A clause for frames such as "Tell me ...": "what colour a dog is". */
  readonly indirect: string
  /** Questions about the entity of the turn before. */
  readonly followUps: readonly string[]
  /** Complete sentences; they are the answers and the statements of prose alike. */
  readonly answers: readonly string[]
  /** The same with a pronoun, for the middle of a paragraph. */
  readonly pronoun: readonly string[]
}

/** The wordings of a table with further ones for training. */
export function withMore<Property extends string>(
  wordings: Readonly<Record<Property, Wording>>,
  direct: Readonly<Partial<Record<Property, readonly string[]>>>,
  followUps: Readonly<Partial<Record<Property, readonly string[]>>>,
): Readonly<Record<Property, Wording>> {
  const widened: Record<Property, Wording> = { ...wordings }
  for (const property of Object.keys(wordings) as Property[]) {
    const wording = wordings[property]
    widened[property] = {
      ...wording,
      direct: [...wording.direct, ...(direct[property] ?? [])],
      followUps: [...wording.followUps, ...(followUps[property] ?? [])],
    }
  }
  return widened
}

const trainingFrames = [
  'Can you tell me {i}?',
  'Do you know {i}?',
  'Please tell me {i}.',
  'Tell me {i}.',
  'I want to know {i}.',
  'I would like to know {i}.',
  'Could you tell me {i}?',
  'Can you say {i}?',
  ...more.indirectFrames,
]

const heldOutFrames = [
  'I wonder {i}.',
  'Would you let me know {i}?',
  'Let me ask you {i}.',
  'Say, do you happen to know {i}?',
]

export function frames(split: Split): readonly string[] {
  return split === 'training' ? trainingFrames : heldOutFrames
}

/** A question: three in five times a direct one, else a frame round the indirect clause. Slots stay unfilled. */
export function askTemplate(
  random: Random,
  wording: Pick<Wording, 'direct' | 'heldOut' | 'indirect'>,
  split: Split,
): string {
  const direct = split === 'training' ? wording.direct : wording.heldOut
  if (direct.length > 0 && (wording.indirect === '' || random.float() < 0.6)) return random.pick(direct)
  return random.pick(frames(split)).replace('{i}', wording.indirect)
}

const stopWords = new Set(
  'a an the of in on at by to and or it its is are very your you with for from up down round over near well out when not two off'.split(
    ' ',
  ),
)

/** The words of a value that a right answer must contain. */
export function contentWords(value: string): string[] {
  const words = value.toLowerCase().match(/[\p{L}\d][\p{L}\d'-]*/gu) ?? []
  const content = words.filter((word) => !stopWords.has(word))
  return content.length > 0 ? content : words
}

/** Joins sentences to a paragraph; now and then two short ones with "and". */
export function paragraph(random: Random, sentences: readonly string[]): string {
  const parts: string[] = []
  for (let index = 0; index < sentences.length; index++) {
    const sentence = sentences[index] ?? ''
    const next = sentences[index + 1]
    if (
      next !== undefined &&
      /^(It|They|He|She) /.test(next) &&
      sentence.length < 60 &&
      !sentence.includes(' and ') &&
      random.float() < 0.2
    ) {
      parts.push(`${sentence.slice(0, -1)}, and ${next.charAt(0).toLowerCase()}${next.slice(1)}`)
      index++
    } else parts.push(sentence)
  }
  return parts.join(' ')
}

const openers = [
  'Hello! ',
  'Hi. ',
  'I have a question. ',
  'Quick question: ',
  'Please answer: ',
  'Hey! ',
  'Hello Phi! ',
  'Okay. ',
  ...more.openers,
]
const closers = [' Please tell me.', ' Thank you.', ' I want to know.', ' Please answer.', ...more.closers]

/** What a question begins with that may follow a comma in lower case. */
const questionWord = /^(?:What|Which|Who|How|Where|When|Why|Is|Are|Do|Does|Can|Could|Would|Tell|Please)\b/

/** How a person really types: rarely without the last mark, in lower case, or with a greeting before it. */
export function roughen(random: Random, question: string): string {
  const chance = random.float()
  if (chance < 0.03) return question.replace(/[?.]$/, '')
  if (chance < 0.05) return question.charAt(0).toLowerCase() + question.slice(1)
  if (chance < 0.07) return question.replace(/[?.]$/, '').toLowerCase()
  if (chance < 0.19) {
    const opener = random.pick(openers)
    const follows = opener.endsWith(', ') && questionWord.test(question)
    return opener + (follows ? question.charAt(0).toLowerCase() + question.slice(1) : question)
  }
  if (chance < 0.27 && question.endsWith('?')) return question + random.pick(closers)
  return question
}

/** Question and answer as prose. */
export function questionAndAnswer(random: Random, pairs: readonly { question: string; answer: string }[]): string {
  const style = random.integer(0, 3)
  return pairs
    .map(({ question, answer }) => {
      if (style === 0) return `Question: ${question}\nAnswer: ${answer}`
      if (style === 1) return `Q: ${question}\nA: ${answer}`
      return `${question}\n${answer}`
    })
    .join(style === 2 ? '\n\n' : '\n')
}
