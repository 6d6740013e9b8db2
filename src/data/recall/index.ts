/**
 * Texts of any length whose context tells what comes. Every document has people, colours and objects of its own, some far more often than
 * others, so that the more of it was read, the better the next word can be told. Passkeys hide two words that occur nowhere else and ask
 * for them at the end (Mohtashami and Jaggi, 2023). Text i of a seed depends on nothing but (seed, kind, i, length).
 */
import { PocketPhiError, present } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { birds, colours, gems, names, objects } from './words.ts'

export { birds, colours, gems, names, objects } from './words.ts'

/** Words and marks of a sentence. */
const sentenceWords = 4

/** The word at place r of a document's own order comes as often as 1 / r to this power. */
const exponent = 1.7

/** Draws words, those that the document favours more often. */
function favourites(words: readonly string[], random: Random): () => string {
  const order = random.shuffle([...words])
  const weights = order.map((_, place) => (place + 1) ** -exponent)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return () => {
    let draw = random.float() * total
    const place = weights.findIndex((weight) => (draw -= weight) < 0)
    return present(order.at(place), 'word')
  }
}

/** Sentences of one document, one a call and without end: "Ada red coin." */
export function sentencesOf(random: Random): () => string {
  const [name, colour, object] = [names, colours, objects].map((words) => favourites(words, random))
  return () => `${name?.()} ${colour?.()} ${object?.()}.`
}

/** @param words at least as many are written; each is a token or more */
export function recallDocument(seed: number, index: number, words: number): string {
  const next = sentencesOf(new Random(seed).fork(`document/${index}`))
  return Array.from({ length: Math.ceil(words / sentenceWords) }, next).join(' ')
}

/** Words and marks of the two sentences with the key. */
export const fewestPasskeyWords = 2 * sentenceWords

export interface PasskeyOptions {
  /** At most as many words and marks are written. */
  readonly words: number
  /** Where the key is told, from 0, the beginning, to 1, right before the question; drawn where left out. */
  readonly depth?: number
}

interface KeyedText {
  readonly random: Random
  readonly answer: string
  /** The sentence with the key among them. */
  readonly sentences: string[]
  /** Its place. */
  readonly place: number
}

function keyedText(seed: number, index: number, { words, depth }: PasskeyOptions): KeyedText {
  if (words < fewestPasskeyWords) {
    throw new PocketPhiError('invalid-argument', 'A text of so few words has no room for a passkey.', {
      expected: `at least ${fewestPasskeyWords} words`,
      found: String(words),
    })
  }
  const random = new Random(seed).fork(`passkey/${index}`)
  const answer = `${random.pick(gems)} ${random.pick(birds)}`
  const share = depth ?? random.float()
  const count = Math.floor((words - fewestPasskeyWords) / sentenceWords)
  const sentences = Array.from({ length: count }, sentencesOf(random))
  const place = Math.round(share * count)
  sentences.splice(place, 0, keySentence(answer))
  return { random, answer, sentences, place }
}

const keySentence = (answer: string): string => `Key ${answer}.`

export interface Passkey {
  /** Everything up to the question, which is the word that stands before the key. */
  readonly prompt: string
  /** The two words that follow. */
  readonly answer: string
}

/**
 * A key in a document, told once, and the question for it at the end.
 *
 * @throws PocketPhiError `invalid-argument` for fewer words than the key takes
 */
export function passkey(seed: number, index: number, options: PasskeyOptions): Passkey {
  const { answer, sentences } = keyedText(seed, index, options)
  return { prompt: [...sentences, 'Key'].join(' '), answer }
}

/** The largest share of the sentences behind a key that tell it again. */
const mostRepeated = 0.5

/**
 * A text to learn finding keys from: the key is told again at the end, and in between in place of more or fewer of the sentences. A small
 * model that meets every key twice alone takes many times as long to see what it is for.
 *
 * @throws PocketPhiError as `passkey`
 */
export function passkeyLesson(seed: number, index: number, words: number): string {
  const { random, answer, sentences, place } = keyedText(seed, index, { words })
  const share = mostRepeated * random.float()
  const told = sentences.map((sentence, at) => (at > place && random.float() < share ? keySentence(answer) : sentence))
  return [...told, keySentence(answer)].join(' ')
}
