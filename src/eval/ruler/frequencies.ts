/** Words that are to be told by how often they come. */
import type { Random } from '../../base/random.ts'
import { birds, colours, gems, names, objects } from '../../data/recall/index.ts'
import type { RulerKind, Sample } from './kinds.ts'

const parts = [...new Set([...names, ...colours, ...objects, ...gems, ...birds].map((word) => word.toLowerCase()))]

const compounds = new Set(parts.flatMap((first) => parts.map((second) => first + second))).size

/** So many different words; where there are not enough, each is put together of two: "rubycrow". */
function drawWords(count: number, random: Random): string[] {
  if (count <= parts.length) return random.shuffle([...parts]).slice(0, count)
  const drawn = new Set<string>()
  while (drawn.size < count) drawn.add(random.pick(parts) + random.pick(parts))
  return [...drawn]
}

/** Words that come more often than the others. */
const commonWords = 10

interface Counts {
  /** How often a common word comes, and any other. */
  readonly common: number
  readonly other: number
}

function repeated(word: string, count: number): string[] {
  return Array.from({ length: count }, () => word)
}

function commonSample(others: number, counts: Counts, random: Random): Sample {
  const words = drawWords(commonWords + others, random)
  const common = words.slice(0, commonWords)
  const all = [
    ...common.flatMap((word) => repeated(word, counts.common)),
    ...words.slice(commonWords).flatMap((word) => repeated(word, counts.other)),
  ]
  const list = random
    .shuffle(all)
    .map((word, index) => `${index + 1}. ${word}`)
    .join(' ')
  const prompt =
    `In the numbered list that follows some words come often and others seldom. Keep in mind those that come often.\n\n${list}\n\n` +
    `Which ${commonWords} words come most often in the list?\nAnswer: The ${commonWords} words that come most often in the list are`
  return { prompt, answers: common }
}

/** From this length on the counts are those of long texts. */
const longTexts = 4096

/** Ten words among many; the units are those that come seldom. A list with its answer comes first. */
export function commonWordsKind(name: string): RulerKind {
  return {
    name,
    maxTokens: 120,
    fewest: 1,
    most: compounds - commonWords,
    build(units, random, { length }) {
      const isLong = length >= longTexts
      const example = isLong
        ? commonSample(30, { common: 10, other: 3 }, random)
        : commonSample(10, { common: 3, other: 1 }, random)
      const { prompt, answers } = commonSample(
        units,
        isLong ? { common: 30, other: 3 } : { common: 6, other: 1 },
        random,
      )
      const solved = example.answers.map((word, index) => `${index + 1}. ${word}`).join(' ')
      return { prompt: `${example.prompt} ${solved}\n\n${prompt}`, answers }
    },
  }
}

/** The k-th word comes as often as 1 / k to this power. */
const exponent = 2

/** The sum of 1 / k² over all k. */
const zetaOfExponent = Math.PI ** 2 / 6

/** What the most frequent word is: it is no word, and does not count. */
const filler = '...'

const askedWords = 3

function drawCodedWord(random: Random): string {
  return Array.from({ length: 6 }, () => String.fromCodePoint(97 + random.integer(0, 26))).join('')
}

/** Coded words whose frequencies fall as those of a language do (Zipf); the units are words of the text. */
export function frequentWordsKind(name: string): RulerKind {
  return {
    name,
    maxTokens: 50,
    fewest: 64,
    build(units, random, { length }) {
      const words = new Set([filler])
      while (words.size < Math.max(askedWords + 2, Math.floor(length / 50))) words.add(drawCodedWord(random))
      const all = [...words].flatMap((word, index) =>
        repeated(word, Math.floor((units * (index + 1) ** -exponent) / zetaOfExponent)),
      )
      const prompt =
        `The text that follows is in a code. Keep in mind how often each coded word comes; "${filler}" is none.\n\n${random.shuffle(all).join(' ')}\n\n` +
        `Which ${askedWords} coded words come most often in the text? Do not explain anything.\nAnswer: The ${askedWords} coded words that come most often in the text are`
      return { prompt, answers: [...words].slice(1, 1 + askedWords) }
    },
  }
}
