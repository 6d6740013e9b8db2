/**
 * Texts of any length in which what was said is needed again, however long ago it was: people find things, and later it is said
 * what they have. Where a name comes up again, the words after it follow from its first mention alone. Passkeys are the
 * same with one number, asked for at the end (Mohtashami and Jaggi, 2023). Text i of a seed depends on nothing but (seed, kind, i, words).
 */
import { PocketPhiError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { colours, names, objects } from './words.ts'

interface Find {
  readonly name: string
  readonly thing: string
}

/** How often a sentence is of somebody new, as long as there is one. */
const newShare = 0.4

/** Words and marks of a sentence. */
const sentenceWords = 6

/** Sentences without end, each after what came before it. */
class Ledger {
  readonly #random: Random
  readonly #finds: Find[] = []
  readonly #strangers: string[]

  constructor(random: Random) {
    this.#random = random
    this.#strangers = random.shuffle([...names])
  }

  next(): string {
    const isNew = this.#finds.length === 0 || this.#random.float() < newShare
    const name = isNew ? this.#strangers.pop() : undefined
    if (name === undefined) {
      const known = this.#random.pick(this.#finds)
      return `${known.name} has ${known.thing}.`
    }
    const thing = `a ${this.#random.pick(colours)} ${this.#random.pick(objects)}`
    this.#finds.push({ name, thing })
    return `${name} found ${thing}.`
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
  /** Everything up to the last word of the question. */
  readonly prompt: string
  /** The two words that follow. */
  readonly answer: string
}

/** Words and marks of the two sentences with the key. */
export const fewestPasskeyWords = 2 * 6

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
  const answer = `${random.pick(colours)} ${random.pick(objects)}`
  sentences.splice(place, 0, `The key is ${answer}.`)
  return { prompt: [...sentences, 'The key is'].join(' '), answer }
}
