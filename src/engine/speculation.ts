import { guessesAtOnce, type Drafter } from './drafts.ts'
import type { AdvanceOptions, Sequence } from './sequence.ts'

/** Times that the first guess may be wrong before guessing rests, and the passes that it rests for. */
const patience = 4
const rest = 16

/**
 * The text of an answer and the logits after it, with guesses that change nothing (speculative decoding): the rows of guessed
 * tokens are computed together with that of the last token; where the token that is then chosen is the one that was
 * guessed, the logits after it are there already. Guesses that keep being wrong are left off for a while.
 */
export class Speculation {
  readonly #sequence: Sequence
  readonly #drafter: Drafter | undefined
  readonly #room: () => number
  readonly #ids: number[]
  /** Logits after the last id, where they are known. */
  #logits: Float32Array | undefined
  /** What the sequence holds behind the text: guesses, and the logits after each. */
  #ahead: { readonly id: number; readonly logits: Float32Array }[] = []
  /** Nothing is known of the last guesses yet. */
  #isUnjudged = false
  #credit = patience
  #resting = 0
  guessed = 0
  accepted = 0

  /** @param room how many tokens may be guessed now */
  constructor(sequence: Sequence, drafter: Drafter | undefined, room: () => number) {
    this.#sequence = sequence
    this.#drafter = drafter
    this.#room = room
    this.#ids = [...sequence.ids]
  }

  /** Prompt and answer so far. */
  get ids(): readonly number[] {
    return this.#ids
  }

  /** Logits after the last id, f32[vocabulary]. @throws PocketPhiError as `Sequence.logits` */
  async logits(options: AdvanceOptions): Promise<Float32Array> {
    if (this.#logits !== undefined) return this.#logits
    const { signal, onProgress } = options
    const guesses = await this.#propose(signal)
    this.#sequence.append(guesses)
    const rows: Float32Array[] = []
    // Guesses are no prompt that is being read.
    const advance = guesses.length === 0 ? { signal, onProgress } : { signal }
    await this.#sequence.rows(this.#ids.length - 1, (_, logits) => rows.push(logits), advance)
    const [first, ...others] = rows
    if (first === undefined) throw new Error('defect: the last row was not delivered')
    this.#logits = first
    this.#ahead = others.map((logits, index) => ({ id: guesses[index] ?? -1, logits }))
    this.#isUnjudged = guesses.length > 0
    this.guessed += guesses.length
    return first
  }

  /** Goes on with the token that was chosen. */
  append(id: number): void {
    const guess = this.#ahead.shift()
    const isRight = guess?.id === id
    this.#judge(isRight)
    this.#ids.push(id)
    this.#logits = undefined
    if (isRight) {
      this.accepted++
      this.#logits = guess?.logits
      return
    }
    this.#ahead = []
    this.#sequence.truncate(this.#ids.length - 1)
    this.#sequence.append([id])
  }

  /** Takes guesses back that nothing will be known of, so that what the cache keeps is the text. */
  end(): void {
    this.#drafter?.close()
    if (!this.#sequence.closed) this.#sequence.truncate(this.#ids.length)
  }

  async #propose(signal: AbortSignal | undefined): Promise<readonly number[]> {
    if (this.#drafter === undefined) return []
    if (this.#resting > 0) {
      this.#resting--
      return []
    }
    const count = Math.min(guessesAtOnce, this.#room())
    return count < 1 ? [] : await this.#drafter.propose(this.#ids, count, signal)
  }

  #judge(isRight: boolean): void {
    if (!this.#isUnjudged) return
    this.#isUnjudged = false
    this.#credit = isRight ? patience : this.#credit - 1
    if (this.#credit > 0) return
    this.#credit = 1
    this.#resting = rest
  }
}
