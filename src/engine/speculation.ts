import { present } from '../base/errors.ts'
import { guessesAtOnce, type Drafter } from './drafts.ts'
import type { Candidates } from './sampling.ts'
import type { AdvanceOptions, Delivery, Sequence } from './sequence.ts'

/** Times that the first guess may be wrong before guessing rests, and the passes that it rests for. */
const patience = 4
const rest = 16

/** What was read of a row. */
interface Row {
  readonly logits?: Float32Array
  readonly candidates?: Candidates
}

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
  /** What is known of the row of the last id. */
  #row: Row | undefined
  /** What the sequence holds behind the text: guesses, and what is known of the row of each. */
  #ahead: { readonly id: number; readonly row: Row }[] = []
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
    if (this.#row?.logits === undefined) this.#row = await this.#advance('logits', options)
    return present(this.#row.logits, 'logits')
  }

  /** The greatest of them. @throws PocketPhiError as `Sequence.logits` */
  async candidates(options: AdvanceOptions): Promise<Candidates> {
    if (this.#row?.candidates === undefined) this.#row = await this.#advance('candidates', options)
    return present(this.#row.candidates, 'candidates')
  }

  async #advance(wanted: keyof Row, { signal, onProgress, takesLikeliest = false }: AdvanceOptions): Promise<Row> {
    if (this.#row !== undefined) this.#backUp()
    const guesses = await this.#propose(signal)
    this.#sequence.append(guesses)
    const rows: Row[] = []
    const delivery: Delivery =
      wanted === 'logits'
        ? { logits: (_, logits) => rows.push({ logits }) }
        : { candidates: (_, candidates) => rows.push({ candidates }) }
    // Guesses are no prompt that is being read, and what comes after them is not known to be the next pass.
    const advance =
      guesses.length > 0 ? { signal } : { signal, onProgress, takesLikeliest: takesLikeliest && !this.#mayGuess }
    await this.#sequence.deliver(this.#ids.length - 1, delivery, advance)
    const [first, ...others] = rows
    if (first === undefined) throw new Error('defect: the last row was not delivered')
    this.#ahead = others.map((row, index) => ({ id: guesses[index] ?? -1, row }))
    this.#isUnjudged = guesses.length > 0
    this.guessed += guesses.length
    return first
  }

  /** Forgets the row of the last id, of which more is wanted than was read, and the guesses behind it. */
  #backUp(): void {
    const last = present(this.#ids.at(-1), 'last id')
    this.#ahead = []
    this.#row = undefined
    this.#sequence.truncate(this.#ids.length - 1)
    this.#sequence.append([last])
  }

  /** Whether the next pass may have guesses. */
  get #mayGuess(): boolean {
    return this.#drafter !== undefined && this.#resting === 0
  }

  /** Goes on with the token that was chosen. */
  append(id: number): void {
    const guess = this.#ahead.shift()
    const isRight = guess?.id === id
    this.#judge(isRight)
    this.#ids.push(id)
    this.#row = isRight ? guess?.row : undefined
    if (isRight) {
      this.accepted++
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
