/** Guesses of what a model will say next. */
import type { Device } from '../backends/backend.ts'
import { present } from '../base/errors.ts'
import { leastBlockRows } from '../program/ops/cache.ts'
import type { Scheduler } from './scheduler.ts'
import type { Sequence } from './sequence.ts'

/**
 * Tokens that are guessed at a time. With the one before them they are four rows: so many cost little more than one, and kernels
 * compute up to four rows one by one, so that logits have the bits that they have without guesses.
 */
export const guessesAtOnce = leastBlockRows - 2

/**
 * Weights that have to come from memory for every pass, for four rows as for one: from here on guesses cost little. Smaller models
 * are bound by arithmetic, and lose more by wrong guesses than they gain by right ones (`node bench/speculation.ts`).
 */
const uncachedBytes = 128e6

/** Whether guesses are worth their rows on a device. Where experts are read, rows that are guessed wrongly cost those that they choose. */
export function guessingPays({ memory }: Pick<Device, 'memory'>): boolean {
  return memory.parameters > uncachedBytes && memory.experts === undefined
}

/** Guesses the tokens that follow a text. */
export interface Drafter {
  /** At most `count` ids; none where there is nothing to go by. */
  propose(ids: readonly number[], count: number, signal: AbortSignal | undefined): Promise<readonly number[]>
  close(): void
}

/** Lengths of the endings that are looked up, the longest first. */
const endings = [3, 2] as const

/**
 * Prompt lookup (Saxena, 2023): what followed the last time that the text went as it goes now. Right for quotations, code, tables
 * and whatever else repeats itself.
 */
export class PromptLookup implements Drafter {
  readonly #vocabulary: number
  /** For each length of ending: where what followed it begins, by ending. */
  readonly #following = endings.map(() => new Map<number, number>())
  #indexed = 0

  constructor(vocabulary: number) {
    this.#vocabulary = vocabulary
  }

  propose(ids: readonly number[], count: number): Promise<readonly number[]> {
    this.#index(ids)
    for (const [index, length] of endings.entries()) {
      const from = ids.length < length ? undefined : this.#following[index]?.get(this.#key(ids, ids.length, length))
      if (from !== undefined) return Promise.resolve(continued(ids, from, count))
    }
    return Promise.resolve([])
  }

  close(): void {}

  /** Texts only grow from one call to the next. */
  #index(ids: readonly number[]): void {
    for (; this.#indexed < ids.length; this.#indexed++) {
      for (const [index, length] of endings.entries()) {
        if (this.#indexed < length) continue
        this.#following[index]?.set(this.#key(ids, this.#indexed, length), this.#indexed)
      }
    }
  }

  /** The `length` ids before `end` as one number: three ids of 200,000 fit the integers of a double. */
  #key(ids: readonly number[], end: number, length: number): number {
    let key = 0
    for (let at = end - length; at < end; at++) key = key * this.#vocabulary + (ids[at] as number)
    return key
  }
}

/** `count` ids from `from` on, as if the text went on repeating itself. */
function continued(ids: readonly number[], from: number, count: number): number[] {
  const guesses: number[] = []
  for (let at = from; guesses.length < count; at++) {
    const id = at < ids.length ? ids[at] : guesses[at - ids.length]
    // Nobody says a part of a picture.
    if (id === undefined || id < 0) break
    guesses.push(id)
  }
  return guesses
}

/** A model whose guesses another one checks. Its engine serves one answer at a time for each of its sequences. */
export interface DraftModel {
  /** @internal */
  readonly engine: Scheduler
}

/** What a smaller model of the same vocabulary finds likeliest (Leviathan et al., 2023). */
export class ModelDrafter implements Drafter {
  readonly #engine: Scheduler
  #sequence: Sequence | undefined

  constructor({ engine }: DraftModel) {
    this.#engine = engine
  }

  async propose(ids: readonly number[], count: number, signal: AbortSignal | undefined): Promise<readonly number[]> {
    const engine = this.#engine
    // Pictures are those of the model that is guessed for.
    if (ids.length + count > engine.context || ids.some((id) => id < 0)) return []
    if (this.#sequence === undefined) {
      // Waiting for another answer, which may wait for this one, would be for ever.
      if (!engine.hasRoomFor(engine.context)) return []
      this.#sequence = await engine.open([], { signal })
    }
    const sequence = this.#sequence
    let common = 0
    while (common < sequence.ids.length && sequence.ids[common] === ids[common]) common++
    sequence.truncate(common)
    sequence.append(ids.slice(common))
    const guesses: number[] = []
    while (true) {
      const { ids: likeliest } = await sequence.candidates({ signal })
      guesses.push(present(likeliest[0], 'likeliest token'))
      if (guesses.length === count) return guesses
      sequence.append(guesses.slice(-1))
    }
  }

  close(): void {
    this.#sequence?.close()
    this.#sequence = undefined
  }
}
