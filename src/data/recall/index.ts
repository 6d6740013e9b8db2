/**
 * Texts of any length in which what was said is needed again, however long ago it was: lists of people and the thing that each has.
 * Where a name comes up again, the words after it follow from its first mention alone. Passkeys are the same with one thing that
 * is asked for at the end (Mohtashami and Jaggi, 2023). Text i of a seed depends on nothing but (seed, kind, i, words).
 */
import { PocketPhiError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { colours, names, objects } from './words.ts'

/** How often a sentence is of somebody new, as long as there is one. */
const newShare = 0.25

/** Words and marks of a sentence. */
const sentenceWords = 4

function drawThing(random: Random): string {
  return `${random.pick(colours)} ${random.pick(objects)}`
}

/** Sentences without end, each after what came before it. */
class Ledger {
  readonly #random: Random
  readonly #said: string[] = []
  readonly #strangers: string[]

  constructor(random: Random) {
    this.#random = random
    this.#strangers = random.shuffle([...names])
  }

  next(): string {
    const isNew = this.#said.length === 0 || this.#random.float() < newShare
    const stranger = isNew ? this.#strangers.pop() : undefined
    if (stranger === undefined) return this.#random.pick(this.#said)
    const sentence = `${stranger} ${drawThing(this.#random)}.`
    this.#said.push(sentence)
    return sentence
  }
}

function ledgerOf(kind: string, seed: number, index: number): { random: Random; ledger: Ledger } {
  const random = new Random(seed).fork(`${kind}/${index}`)
  return { random, ledger: new Ledger(random.fork('ledger')) }
}

/** @param words at least as many are written; each is a token or more */
export function recallDocument(seed: number, index: number, words: number): string {
  const { ledger } = ledgerOf('document', seed, index)
  const count = Math.ceil(words / sentenceWords)
  return Array.from({ length: count }, () => ledger.next()).join(' ')
}

export interface Passkey {
  /** Everything up to the question, which is the word that stands before the key. */
  readonly prompt: string
  /** The two words that follow. */
  readonly answer: string
}

/** Words and marks of the two sentences with the key. */
export const fewestPasskeyWords = 2 * sentenceWords

export interface PasskeyOptions {
  /** At most as many words and marks are written. */
  readonly words: number
  /** Where the key is told, from 0, the beginning, to 1, right before the question; drawn where left out. */
  readonly depth?: number
}

/**
 * A key in a ledger, and the question for it at the end.
 *
 * @throws PocketPhiError `invalid-argument` for fewer words than the key takes
 */
export function passkey(seed: number, index: number, { words, depth }: PasskeyOptions): Passkey {
  if (words < fewestPasskeyWords) {
    throw new PocketPhiError('invalid-argument', 'A text of so few words has no room for a passkey.', {
      expected: `at least ${fewestPasskeyWords} words`,
      found: String(words),
    })
  }
  const { random, ledger } = ledgerOf('passkey', seed, index)
  const sentences = Array.from({ length: Math.floor((words - fewestPasskeyWords) / sentenceWords) }, () =>
    ledger.next(),
  )
  const place = Math.round((depth ?? random.float()) * sentences.length)
  const answer = drawThing(random)
  sentences.splice(place, 0, `Key ${answer}.`)
  return { prompt: [...sentences, 'Key'].join(' '), answer }
}
