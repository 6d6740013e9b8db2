/**
 * Texts as bags of hashed tokens and pairs of neighbouring tokens, and as figures of their form. A token is a word in lower case, a number by how many
 * digits it has, a mark, a line break or an empty line. Nothing is allocated for a text and no regular expression is used, which is what makes a
 * classifier fast.
 */
import { mix } from '../../stages/words.ts'
import { digit, kindOf, letter, lineBreak, mark, space } from './characters.ts'
import { formFigures, measureForm } from './form.ts'

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
  /** For each bucket the number of the text that it was last seen in. */
  readonly #seen: Uint32Array
  #number = 0

  /** @param buckets that features are hashed into: a power of two */
  constructor(buckets: number) {
    this.#mask = buckets - 1
    this.#seen = new Uint32Array(buckets)
  }

  read(text: string): Features {
    this.#take(text)
    const tokens = this.#tokens(text.length)
    measureForm(this.#units, text.length, this.#form)
    const each = Math.max(1, tokens.length / 2)
    this.#form[formFigures.length - 2] = this.#distinct(tokens, 0) / Math.sqrt(each)
    this.#form[formFigures.length - 1] = this.#distinct(tokens, 1) / each
    return { tokens, form: this.#form }
  }

  #tokens(length: number): Uint32Array {
    const units = this.#units
    const features = this.#features
    const mask = this.#mask
    let count = 0
    let before = 0
    for (let at = 0; at < length;) {
      const kind = kindOf[units[at] as number] as number
      const end = tokenEnd(units, at, kind)
      if (kind !== space) {
        const token = tokenHash(units, at, end, kind)
        features[count++] = mix(token) & mask
        features[count++] = mix(Math.imul(before, 0x9e3779b1) ^ token) & mask
        before = token
      }
      at = end
    }
    return features.subarray(0, count)
  }

  /** Different buckets in every second place. */
  #distinct(tokens: Uint32Array, first: number): number {
    const number = ++this.#number
    let count = 0
    for (let index = first; index < tokens.length; index += 2) {
      const bucket = tokens[index] as number
      if (this.#seen[bucket] !== number) count++
      this.#seen[bucket] = number
    }
    return count
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

/** Where the token that starts here ends. */
function tokenEnd(units: Uint16Array, at: number, kind: number): number {
  let end = at + 1
  if (kind === mark) while (units[end] === units[at]) end++
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
