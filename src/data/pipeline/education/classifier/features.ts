/**
 * Texts as bags of hashed tokens and pairs of neighbouring tokens, and as figures of their form. A token is a word in lower case, a number by how many
 * digits it has, a mark, a line break or an empty line. Nothing is allocated for a text and no regular expression is used, which is what makes a
 * classifier fast.
 */
import { mix } from '../../stages/words.ts'
import { digit, kindOf, letter, lineBreak, mark, space } from './characters.ts'
import { formFigures, FormMeter, wordClasses } from './form.ts'

/** A text as classifiers see it; valid until the next one is read. */
export interface Features {
  /** Buckets of all tokens and of all pairs, with repetitions. */
  readonly tokens: Uint32Array
  /** A value for each of `formFigures`. */
  readonly form: Float64Array
}

const start = 0x811c9dc5
const prime = 0x01000193

/** Reads texts into buffers, which the next text overwrites. */
export class FeatureReader {
  readonly #mask: number
  #bytes = Buffer.alloc(0)
  /** UTF-16 units of the text: strings that are parts of others are slow to read. Zeros end it. */
  #units = new Uint16Array(0)
  #features = new Uint32Array(0)
  readonly #form = new Float64Array(formFigures.length)
  readonly #meter = new FormMeter()
  readonly #seenTokens = new Seen()
  readonly #seenPairs = new Seen()

  /** @param buckets that features are hashed into: a power of two */
  constructor(buckets: number) {
    this.#mask = buckets - 1
  }

  read(text: string): Features {
    this.#take(text)
    const [units, features, mask, meter] = [this.#units, this.#features, this.#mask, this.#meter]
    const [seenTokens, seenPairs] = [this.#seenTokens, this.#seenPairs]
    meter.begin()
    seenTokens.begin()
    seenPairs.begin()
    let count = 0
    let before = 0
    for (let at = 0; at < text.length;) {
      const kind = kindOf[units[at] as number] as number
      const end = tokenEnd(units, at, kind)
      meter.add(units, at, end, kind)
      if (kind !== space) {
        const token = tokenHash(units, at, end, kind)
        meter.addWordOf(classOf[token & 0xffff] as number)
        const tokenMixed = mix(token)
        const pairMixed = mix(Math.imul(before, 0x9e3779b1) ^ token)
        seenTokens.add(tokenMixed)
        seenPairs.add(pairMixed)
        features[count++] = tokenMixed & mask
        features[count++] = pairMixed & mask
        before = token
      }
      at = end
    }
    meter.write(this.#form, text.length, count / 2, seenTokens.count, seenPairs.count)
    return { tokens: features.subarray(0, count), form: this.#form }
  }

  #take(text: string): void {
    if (this.#units.length <= text.length) {
      this.#bytes = Buffer.alloc(4 * text.length + 4)
      this.#units = new Uint16Array(this.#bytes.buffer, this.#bytes.byteOffset, 2 * text.length + 2)
      this.#features = new Uint32Array(4 * text.length)
    }
    this.#bytes.write(text, 'utf16le')
    this.#units[text.length] = 0
  }
}

/** For the low half of a word's hash the class that it is in, counted from 1, or 0: of some thousand other words one is taken for one of these. */
const classOf = new Uint8Array(1 << 16)
for (const [index, words] of Object.values(wordClasses).entries()) {
  for (const word of words.split(' ')) {
    const units = Uint16Array.from(word, (character) => character.charCodeAt(0))
    classOf[tokenHash(units, 0, units.length, letter) & 0xffff] = index + 1
  }
}

/** Hashes of a text, counted once each, but for some that fall together: a small table stays in the processor's nearest cache. */
class Seen {
  readonly #places = new Uint32Array(1 << 12)
  #text = 0
  count = 0

  begin(): void {
    this.#text++
    this.count = 0
  }

  add(hash: number): void {
    // Other bits than those that choose a bucket.
    const place = hash >>> 20
    if (this.#places[place] !== this.#text) this.count++
    this.#places[place] = this.#text
  }
}

/** Where the token that starts here ends. */
function tokenEnd(units: Uint16Array, at: number, kind: number): number {
  let end = at + 1
  if (kind === space) while (units[end] === 0x20) end++
  else if (kind === mark) while (units[end] === units[at]) end++
  else if (kind === letter || kind === digit) while (kindOf[units[end] as number] === kind) end++
  else if (kind === lineBreak)
    while ((kindOf[units[end] as number] as number) === lineBreak || units[end] === 0x20) end++
  return end
}

/** A 32-bit hash (FNV-1a) of what the token is known by. */
function tokenHash(units: Uint16Array, at: number, end: number, kind: number): number {
  let hash = Math.imul(start ^ kind, prime)
  if (kind === letter) {
    // In ASCII this is lower case; elsewhere all that matters is that the same is the same.
    for (let index = at; index < end; index++) hash = Math.imul(hash ^ ((units[index] as number) | 32), prime)
    return hash
  }
  if (kind === lineBreak) return Math.imul(hash ^ lines(units, at, end), prime)
  // A rule of dashes is another token than a dash, and a year than a digit.
  const length = Math.min(end - at, 5)
  return Math.imul(Math.imul(hash ^ (kind === digit ? 0 : (units[at] as number)), prime) ^ length, prime)
}

/** Line breaks in a run, of which two are as many as more. */
function lines(units: Uint16Array, at: number, end: number): number {
  for (let index = at + 1; index < end; index++) if (units[index] === 0x0a) return 2
  return 1
}
