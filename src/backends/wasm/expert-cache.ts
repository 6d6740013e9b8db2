/** Which matrices of experts are in memory, and how the others get there. */
import { present } from '../../base/errors.ts'
import type { ExpertCounters, ExpertSource } from '../backend.ts'
import type { ExpertPool } from './expert-pools.ts'

/** Matrices that are read at the same time, each in pieces that are as well. */
const readsAtOnce = 2

/** The bytes that a pool lies in. */
export interface PoolBytes {
  readonly buffer: ArrayBufferLike
  readonly address: number
}

/** Room for one matrix. */
interface Slot {
  readonly start: number
  matrix: string | undefined
  isThere: boolean
  /** It was used since it was read. */
  isKept: boolean
  /** Its place among what is wanted; undefined once it was used. */
  turn: number | undefined
  /** The greater, the later. */
  lastUse: number
}

/** The slots of a pool, by number and by what is in them. */
interface Pool {
  readonly plan: ExpertPool
  readonly buffer: ArrayBufferLike
  readonly slots: readonly Slot[]
  readonly byMatrix: Map<string, Slot>
}

/**
 * Holds matrices of experts in slots, those that were used last. A run says what its next steps want, in their order; what is there stays until it
 * was used, and what is missing is read into slots as they become free, the least recently used one first.
 */
export class ExpertCache {
  readonly #pools: readonly Pool[]
  readonly #source: ExpertSource
  readonly #reads = new Set<Promise<void>>()
  readonly #counters = { hits: 0, reads: 0, bytesRead: 0, waitedMilliseconds: 0 }
  /** Of which the wanted matrices are; one at a time. */
  #pool: Pool | undefined
  /** The turns of what is wanted, and neither there nor being read, in their order. */
  #missing = new Map<string, number>()
  /** What another pool will probably be asked for. */
  #expected: { readonly pool: Pool; readonly matrices: string[] } | undefined
  #signal: AbortSignal | undefined
  #failure: { readonly error: unknown } | undefined
  #clock = 0

  /** @param bytes where each pool lies */
  constructor(pools: readonly ExpertPool[], bytes: readonly PoolBytes[], source: ExpertSource) {
    this.#source = source
    this.#pools = pools.map((plan, index) => {
      const { buffer, address } = present(bytes[index], 'pool')
      const slots = Array.from({ length: plan.slots }, (_, slot): Slot => ({
        start: address + slot * plan.slotBytes,
        matrix: undefined,
        isThere: false,
        isKept: false,
        turn: undefined,
        lastUse: 0,
      }))
      return { plan, buffer, slots, byMatrix: new Map() }
    })
  }

  get counters(): ExpertCounters {
    return { ...this.#counters }
  }

  /** Says what will be used next, in this order, of one pool; what was wanted before has to have been used. */
  want(pool: number, matrices: readonly string[], signal: AbortSignal | undefined): void {
    this.#pool = present(this.#pools[pool], 'pool')
    this.#signal = signal
    for (const [turn, matrix] of matrices.entries()) {
      const slot = this.#pool.byMatrix.get(matrix)
      if (slot === undefined) this.#missing.set(matrix, turn)
      else slot.turn = turn
    }
    this.#readMore()
  }

  /**
   * Says what another pool will probably be asked for next: empty slots of it are filled while nothing that is wanted has to be read. Nothing gives
   * way for it, so that a guess costs a read at most.
   */
  expect(pool: number, matrices: readonly string[]): void {
    const expected = present(this.#pools[pool], 'pool')
    this.#expected = { pool: expected, matrices: matrices.filter((matrix) => !expected.byMatrix.has(matrix)) }
    this.#readMore()
  }

  /** The address of a wanted matrix in its memory; undefined while it is not there. */
  addressOf(matrix: string): number | undefined {
    const slot = this.#pool?.byMatrix.get(matrix)
    return slot?.isThere === true ? slot.start : undefined
  }

  /** Gives the slot of a matrix that was wanted away, if another needs it. */
  used(matrix: string): void {
    const slot = present(this.#pool?.byMatrix.get(matrix), 'slot')
    if (slot.isKept) this.#counters.hits++
    Object.assign(slot, { isKept: true, turn: undefined, lastUse: ++this.#clock })
    this.#readMore()
  }

  /**
   * Resolves when something more is there; to be called when none of the steps that may run has its matrix.
   * @throws what a read threw
   */
  async arrival(): Promise<void> {
    if (this.#reads.size === 0 && this.#failure === undefined) this.#takeFromLast()
    const start = performance.now()
    if (this.#reads.size > 0) await Promise.race(this.#reads)
    this.#counters.waitedMilliseconds += performance.now() - start
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** After a run, however it ended: nothing is wanted, and nothing is being read any more. */
  async settle(): Promise<void> {
    this.#missing.clear()
    this.#expected = undefined
    await Promise.all(this.#reads)
    for (const slot of this.#pool?.slots ?? []) slot.turn = undefined
    this.#failure = undefined
    this.#signal = undefined
  }

  #readMore(): void {
    const pool = present(this.#pool, 'pool')
    for (const [matrix, turn] of this.#missing) {
      if (this.#isBusy) return
      const slot = freeSlot(pool)
      if (slot === undefined) return
      this.#missing.delete(matrix)
      this.#read(pool, matrix, slot, turn)
    }
    while (!this.#isBusy) {
      const { pool: next, matrices } = this.#expected ?? {}
      const slot = next?.slots.find((candidate) => candidate.matrix === undefined)
      const matrix = slot === undefined ? undefined : matrices?.shift()
      if (next === undefined || slot === undefined || matrix === undefined) return
      this.#read(next, matrix, slot, undefined)
    }
  }

  get #isBusy(): boolean {
    return this.#reads.size >= readsAtOnce || this.#failure !== undefined
  }

  /** All slots hold what later steps want: the last of these gives its slot away, and is read again. */
  #takeFromLast(): void {
    const { slots } = present(this.#pool, 'pool')
    const last = slots.reduce((best, slot) => ((slot.turn ?? -1) > (best.turn ?? -1) ? slot : best))
    const missing = [...this.#missing, [present(last.matrix, 'matrix'), present(last.turn, 'turn')] as const]
    this.#missing = new Map(missing.sort(([, left], [, right]) => left - right))
    last.turn = undefined
    this.#readMore()
  }

  /** @param turn undefined for a matrix that is not wanted yet */
  #read(pool: Pool, matrix: string, slot: Slot, turn: number | undefined): void {
    if (slot.matrix !== undefined) pool.byMatrix.delete(slot.matrix)
    pool.byMatrix.set(matrix, slot)
    Object.assign(slot, { matrix, isThere: false, isKept: false, turn })
    this.#counters.reads++
    const read = this.#fill(pool, matrix, slot).finally(() => {
      this.#reads.delete(read)
      this.#readMore()
    })
    this.#reads.add(read)
  }

  async #fill({ plan, buffer, byMatrix }: Pool, matrix: string, slot: Slot): Promise<void> {
    const bytes = present(plan.matrices.get(matrix), 'matrix')
    try {
      await this.#source.read(matrix, new Uint8Array(buffer, slot.start, bytes), this.#signal)
      slot.isThere = true
      this.#counters.bytesRead += bytes
    } catch (error) {
      // What nobody waits for will be read again when somebody does.
      if (slot.turn !== undefined) this.#failure ??= { error }
      byMatrix.delete(matrix)
      Object.assign(slot, { matrix: undefined, turn: undefined, lastUse: 0 })
    }
  }
}

/** An empty slot, else the one that was used least recently among those that no step waits for and no read is filling. */
function freeSlot({ slots }: Pool): Slot | undefined {
  const free = slots.filter(({ turn, matrix, isThere }) => turn === undefined && (isThere || matrix === undefined))
  const [first] = free
  return first === undefined ? undefined : free.reduce((best, slot) => (slot.lastUse < best.lastUse ? slot : best))
}
