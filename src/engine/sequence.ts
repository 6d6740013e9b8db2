import { PocketPhiError } from '../base/errors.ts'
import type { OnProgress } from '../base/progress.ts'
import type { PageTable, Regime } from './pages.ts'
import type { Picture } from './pictures.ts'
import type { Candidates } from './sampling.ts'

export interface SequenceOptions {
  /**
   * `auto` (as the models' published code): short rotary factors until the sequence is longer than the original context, then
   * the long ones, for which the whole sequence is computed again. `long` uses the long ones from the start, and so
   * never pays for that; short texts then come out slightly different. No difference without LongRoPE.
   */
  readonly rope?: 'auto' | 'long'
  /** Tokens that the sequence may grow to; the context when left out. Others wait while the cache is promised away. */
  readonly reserve?: number
  /** Pictures whose ids the text has. */
  readonly pictures?: readonly Picture[]
  readonly signal?: AbortSignal | undefined
}

/** How a text is read. */
export interface AdvanceOptions {
  /** Ends the reading at the next segment (about 50 ms). */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress | undefined
  /**
   * That the likeliest token will be appended next, if any is: the pass over it may begin before it has been read, on a
   * device that gains by it.
   */
  readonly takesLikeliest?: boolean | undefined
}

/** Receives the logits of a row, f32[vocabulary], or other values of it. The array is the receiver's to keep. */
export type DeliverRow = (row: number, values: Float32Array) => void

/** Who receives what of each row: only that is read from the device. */
export interface Delivery {
  readonly logits?: DeliverRow
  /** Behind the last norm, f32[width]. */
  readonly hidden?: DeliverRow
  readonly candidates?: (row: number, candidates: Candidates) => void
}

/** What a sequence asks of the engine that it belongs to. */
export interface SequenceHost {
  readonly vocabulary: number
  /** Computes all rows of the sequence and delivers those from `wantedFrom` on. */
  advance(sequence: Sequence, wantedFrom: number, delivery: Delivery, options: AdvanceOptions): Promise<void>
  /** Forgets what was computed beyond `length` tokens. */
  truncate(sequence: Sequence, length: number): void
  close(sequence: Sequence): void
}

/**
 * Token ids and how far the model has read them. It holds pages of the cache until it is closed; what it has computed
 * then remains as a prefix for later sequences while there is room.
 */
export class Sequence {
  readonly #host: SequenceHost
  readonly #ids: number[]
  /** Tokens that it may grow to. */
  readonly reserved: number
  readonly pictures: readonly Picture[]
  regime: Regime
  /** Its pages; undefined before the first pass and after `close`. */
  table: PageTable | undefined
  /** Whether a pass over it is going on. */
  busy = false
  closed = false
  /** Leading tokens that did not have to be computed when it was first run. */
  reused: number | undefined

  constructor(
    host: SequenceHost,
    ids: readonly number[],
    reserved: number,
    regime: Regime,
    pictures: readonly Picture[] = [],
  ) {
    this.#host = host
    this.#ids = []
    this.reserved = reserved
    this.pictures = pictures
    this.regime = regime
    this.append(ids)
  }

  get ids(): readonly number[] {
    return this.#ids
  }

  /** How many of the ids are in the cache. */
  get computed(): number {
    return this.table?.length ?? 0
  }

  /** @throws PocketPhiError `invalid-argument` for ids outside the vocabulary */
  append(ids: readonly number[]): void {
    const { vocabulary } = this.#host
    for (const id of ids) {
      const isKnown = id < 0 ? this.pictureOf(id) !== undefined : id < vocabulary
      if (!Number.isInteger(id) || !isKnown) {
        throw new PocketPhiError('invalid-argument', 'A token id is not in the vocabulary.', {
          expected: `integers from 0 to ${vocabulary - 1}, or ids of pictures that are given with the text`,
          found: String(id),
        })
      }
    }
    for (const id of ids) this.#ids.push(id)
  }

  /** The picture that a negative id stands for a part of. */
  pictureOf(id: number): Picture | undefined {
    return this.pictures.find((picture) => picture.has(id))
  }

  /**
   * Takes the ids from `length` on back.
   *
   * @throws PocketPhiError `invalid-argument` while the sequence is being computed
   */
  truncate(length: number): void {
    if (length >= this.#ids.length) return
    if (this.busy) throw new PocketPhiError('invalid-argument', 'The sequence is being computed.')
    this.#ids.length = length
    this.#host.truncate(this, length)
  }

  /**
   * Computes what is not computed yet; resolves to the logits after the last id, f32[vocabulary].
   *
   * @throws PocketPhiError `aborted` (what was computed until then stays), `context-full`, `invalid-argument`
   */
  async logits(options: AdvanceOptions = {}): Promise<Float32Array> {
    let last: Float32Array | undefined
    await this.rows(this.#ids.length - 1, (_, logits) => (last = logits), options)
    if (last === undefined) throw new Error('defect: the last row was not delivered')
    return last
  }

  /** The same, of which only the greatest logits are read from the device. */
  async candidates(options: AdvanceOptions = {}): Promise<Candidates> {
    let last: Candidates | undefined
    await this.deliver(this.#ids.length - 1, { candidates: (_, candidates) => (last = candidates) }, options)
    if (last === undefined) throw new Error('defect: the last row was not delivered')
    return last
  }

  /** Computes what is not computed yet and delivers the logits of the rows from `from` on, in order. */
  rows(from: number, deliver: DeliverRow, options: AdvanceOptions = {}): Promise<void> {
    return this.deliver(from, { logits: deliver }, options)
  }

  /** Computes what is not computed yet and delivers what is wanted of the rows from `from` on, in order. */
  deliver(from: number, delivery: Delivery, options: AdvanceOptions = {}): Promise<void> {
    return this.#host.advance(this, from, delivery, options)
  }

  /** Gives the pages back. A sequence that is being computed is closed by its pass, which the caller aborts or awaits. */
  close(): void {
    this.#host.close(this)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
