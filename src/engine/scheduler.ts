import type { Device } from '../backends/backend.ts'
import { PocketPhiError, present, throwIfAborted } from '../base/errors.ts'
import { nextTurn } from '../base/turn.ts'
import { logitRows } from '../models/trace.ts'
import { pageSize } from '../program/ops/cache.ts'
import { PagePool, type Regime } from './pages.ts'
import { bucketFor, copyProgramName, rowsToRun, type EnginePrograms } from './programs.ts'
import { Sequence, type AdvanceOptions, type DeliverRow, type SequenceHost, type SequenceOptions } from './sequence.ts'

/** What an engine has done so far; differences of these are what tests and reports look at. */
export interface EngineCounters {
  /** Runs of a pass. */
  runs: number
  /** Rows computed for sequences. */
  rows: number
  /** Rows that filled up a bucket. */
  paddingRows: number
  /** Rows that were found in the cache instead of being computed. */
  reusedRows: number
  /** Rows computed a second time because a sequence outgrew the original context (LongRoPE). */
  recomputedRows: number
  copiedPages: number
}

/** Rows of a sequence that wait to be computed. */
interface Request {
  readonly sequence: Sequence
  readonly from: number
  readonly wantedFrom: number
  readonly stage: string
  readonly deliver: DeliverRow
  readonly options: AdvanceOptions
  resolve(): void
  reject(error: unknown): void
}

/** The rows [from, until) of a request. */
interface Part {
  readonly request: Request
  readonly from: number
  readonly until: number
}

/** A sequence that waits for room. */
interface Admission {
  readonly sequence: Sequence
  readonly pages: number
  admit(): void
  reject(error: unknown): void
}

const stages = { prompt: 'reading the prompt', again: 'reading again for the long context' } as const

/** Rows of a batch that also decodes: a long prompt must not make others wait for their next token. */
const mixedRows = 64

/**
 * Runs the rows of all sequences through one program after another: decode rows and chunks of prompts share batches. One
 * batch at a time; what arrives meanwhile joins the next.
 */
export class Scheduler implements SequenceHost {
  readonly programs: EnginePrograms
  readonly device: Device
  readonly counters: EngineCounters = {
    runs: 0,
    rows: 0,
    paddingRows: 0,
    reusedRows: 0,
    recomputedRows: 0,
    copiedPages: 0,
  }
  readonly #pool: PagePool
  readonly #open = new Map<Sequence, number>()
  readonly #admissions: Admission[] = []
  readonly #requests: Request[] = []
  #freePages: number
  #loop: Promise<void> | undefined
  readonly #end = new AbortController()

  constructor(programs: EnginePrograms, device: Device) {
    this.programs = programs
    this.device = device
    this.#pool = new PagePool(programs.cache.pages)
    this.#freePages = programs.cache.pages - 1
  }

  get vocabulary(): number {
    return this.programs.model.shape.vocabulary
  }

  get context(): number {
    return this.programs.context
  }

  /**
   * A new sequence; waits while as many as one batch may mix are open, or the cache is promised to others.
   *
   * @throws PocketPhiError `context-full` when the ids alone exceed the context, `aborted`, `invalid-argument`
   */
  async open(ids: readonly number[], options: SequenceOptions = {}): Promise<Sequence> {
    throwIfAborted(options.signal)
    this.#checkOpen()
    this.#checkContext(ids.length)
    const reserved = Math.min(this.context, Math.max(ids.length, options.reserve ?? this.context))
    const pages = Math.ceil(reserved / pageSize)
    const sequence = new Sequence(this, ids, reserved, this.#regimeOf(ids.length, options.rope === 'long' ? 1 : 0))
    if (this.#admissions.length === 0 && this.#hasRoom(pages)) this.#admit(sequence, pages)
    else await this.#waitForRoom(sequence, pages, options.signal)
    return sequence
  }

  async advance(sequence: Sequence, wantedFrom: number, deliver: DeliverRow, options: AdvanceOptions): Promise<void> {
    throwIfAborted(options.signal)
    this.#checkOpen()
    if (!this.#open.has(sequence) || sequence.closed || sequence.busy) {
      throw new PocketPhiError('invalid-argument', `The sequence is ${sequence.busy ? 'being computed' : 'closed'}.`)
    }
    const length = sequence.ids.length
    this.#checkContext(length)
    if (!Number.isInteger(wantedFrom) || wantedFrom < 0 || wantedFrom >= length || length > sequence.reserved) {
      throw new PocketPhiError('invalid-argument', 'These rows cannot be computed.', {
        expected: `a first row from 0 to ${length - 1} and at most ${sequence.reserved} tokens`,
        found: `row ${wantedFrom} of ${length} tokens`,
      })
    }
    const stage = this.#openTable(sequence, wantedFrom)
    sequence.busy = true
    try {
      await new Promise<void>((resolve, reject) => {
        const from = sequence.computed
        this.#requests.push({ sequence, from, wantedFrom, stage, deliver, options, resolve, reject })
        this.#loop ??= this.#run()
      })
    } finally {
      sequence.busy = false
      if (sequence.closed) this.#finish(sequence)
    }
  }

  /** Whether a sequence of this many tokens would not have to wait. */
  hasRoomFor(tokens: number): boolean {
    return this.#admissions.length === 0 && this.#hasRoom(Math.ceil(tokens / pageSize))
  }

  /**
   * How many tokens may be tried out behind a sequence together with its last one, so that all rows are computed as they are
   * without: alone, and with the rotary table of now.
   */
  roomForGuesses({ ids, computed, reserved, regime }: Sequence): number {
    if (this.#open.size > 1 || ids.length - computed !== 1) return 0
    const { ropeBorder = Infinity } = this.programs.model.shape
    return Math.min(reserved, regime === 0 ? ropeBorder : Infinity) - ids.length
  }

  /**
   * Takes the first `length` tokens of a sequence of which nothing was computed as computed: what the pages of the cache hold
   * (`Device.fill`) is their keys and values.
   *
   * @throws PocketPhiError `invalid-argument` once something was computed, or for more tokens than the sequence has
   */
  adopt(sequence: Sequence, length: number): void {
    const fits = Number.isInteger(length) && length >= 0 && length <= sequence.ids.length
    if (sequence.table !== undefined || !fits || !this.#open.has(sequence)) {
      throw new PocketPhiError('invalid-argument', 'The sequence cannot take these tokens as computed.', {
        expected: `an open sequence of which nothing was computed, and at most ${sequence.ids.length} tokens`,
        found: `${sequence.computed} computed tokens, and ${length} to adopt`,
      })
    }
    const table = this.#pool.open(sequence.ids, 0, sequence.regime)
    this.#pool.prepare(table, length)
    this.#pool.commit(table, sequence.ids.slice(0, length))
    sequence.table = table
  }

  truncate({ table }: Sequence, length: number): void {
    if (table !== undefined) this.#pool.truncate(table, length)
  }

  close(sequence: Sequence): void {
    if (sequence.closed) return
    sequence.closed = true
    if (!sequence.busy) this.#finish(sequence)
  }

  /** Ends what is going on and frees the device. */
  async dispose(): Promise<void> {
    if (this.#end.signal.aborted) return
    const closed = new PocketPhiError('aborted', 'The model was closed.')
    for (const admission of this.#admissions.splice(0)) admission.reject(closed)
    for (const request of this.#requests.splice(0)) request.reject(closed)
    this.#end.abort()
    await this.#loop
    await this.device.dispose()
  }

  #checkOpen(): void {
    if (this.#end.signal.aborted) throw new PocketPhiError('invalid-argument', 'The model is closed.')
  }

  #checkContext(length: number): void {
    if (length <= this.context) return
    throw new PocketPhiError('context-full', 'The text is longer than the context.', {
      expected: `at most ${this.context} tokens`,
      found: String(length),
      remedy: 'Shorten it, or load the model with a larger context.',
    })
  }

  #regimeOf(length: number, wish: Regime): Regime {
    const { ropeBorder } = this.programs.model.shape
    if (ropeBorder === undefined) return 0
    return length > ropeBorder ? 1 : wish
  }

  /** Finds the longest kept prefix, or starts over where the sequence has outgrown its rotary table. */
  #openTable(sequence: Sequence, wantedFrom: number): string {
    const regime = this.#regimeOf(sequence.ids.length, sequence.regime)
    let stage: string = stages.prompt
    if (regime !== sequence.regime) {
      if (sequence.table !== undefined) {
        stage = stages.again
        this.counters.recomputedRows += sequence.computed
        this.#pool.close(sequence.table)
        sequence.table = undefined
      }
      sequence.regime = regime
    }
    if (sequence.table !== undefined && sequence.table.length > wantedFrom) {
      this.#pool.close(sequence.table)
      sequence.table = undefined
    }
    if (sequence.table === undefined) {
      sequence.table = this.#pool.open(sequence.ids, wantedFrom, regime)
      sequence.reused ??= sequence.table.length
      this.counters.reusedRows += sequence.table.length
    }
    return stage
  }

  #hasRoom(pages: number): boolean {
    return this.#open.size < this.programs.cache.sequences && pages <= this.#freePages
  }

  #admit(sequence: Sequence, pages: number): void {
    this.#open.set(sequence, pages)
    this.#freePages -= pages
  }

  #waitForRoom(sequence: Sequence, pages: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const leave = (): void => admission.reject(abortedError(signal))
      const admission: Admission = {
        sequence,
        pages,
        admit: () => {
          signal?.removeEventListener('abort', leave)
          resolve()
        },
        reject: (error) => {
          signal?.removeEventListener('abort', leave)
          remove(this.#admissions, admission)
          reject(error)
          this.#admitNext()
        },
      }
      this.#admissions.push(admission)
      signal?.addEventListener('abort', leave, { once: true })
    })
  }

  #admitNext(): void {
    while (true) {
      const [admission] = this.#admissions
      if (admission === undefined || !this.#hasRoom(admission.pages)) return
      this.#admissions.shift()
      this.#admit(admission.sequence, admission.pages)
      admission.admit()
    }
  }

  #finish(sequence: Sequence): void {
    if (sequence.table !== undefined) this.#pool.close(sequence.table)
    sequence.table = undefined
    this.#freePages += this.#open.get(sequence) ?? 0
    this.#open.delete(sequence)
    this.#admitNext()
  }

  async #run(): Promise<void> {
    await Promise.resolve()
    while (this.#requests.length > 0) {
      // Those who got their logits in the last batch may want to join this one.
      if (this.#open.size > 1) await nextTurn()
      this.#dropAborted()
      const parts = this.#nextParts()
      if (parts.length > 0) await this.#runParts(parts)
    }
    // In the same turn as the last look at the list, so that no request falls between two loops.
    this.#loop = undefined
  }

  #dropAborted(): void {
    for (const request of [...this.#requests]) {
      const { signal } = request.options
      if (signal?.aborted !== true) continue
      remove(this.#requests, request)
      request.reject(abortedError(signal))
    }
  }

  /** The rows of the next batch: those that decode first, then prompts in the order in which they came. */
  #nextParts(): Part[] {
    const remaining = ({ sequence }: Request): number => sequence.ids.length - sequence.computed
    const order = this.#requests.toSorted((left, right) => Number(remaining(left) > 1) - Number(remaining(right) > 1))
    const waiting = order.reduce((sum, request) => sum + remaining(request), 0)
    const decodes = order.length > 1 && order.some((request) => remaining(request) === 1)
    const limit = rowsToRun(this.programs.buckets, decodes ? Math.min(waiting, mixedRows) : waiting)
    let rows = limit
    let wanted = logitRows(limit)
    const parts: Part[] = []
    for (const request of order) {
      const from = request.sequence.computed
      const unwanted = Math.max(0, request.wantedFrom - from)
      const count = Math.min(remaining(request), rows, unwanted + wanted)
      if (count <= 0) continue
      rows -= count
      wanted -= Math.max(0, count - unwanted)
      parts.push({ request, from, until: from + count })
    }
    return parts
  }

  async #runParts(parts: readonly Part[]): Promise<void> {
    const link = linkSignals([this.#end.signal, ...parts.flatMap(({ request }) => request.options.signal ?? [])])
    try {
      await this.#preparePages(parts)
      const { name, rows, inputs, wanted } = this.#inputsFor(parts)
      const { logits } = await this.device.run(name, inputs, { signal: link.signal })
      this.counters.runs++
      this.counters.paddingRows += rows
      this.#commit(parts, wanted, present(logits, 'logits'))
    } catch (error) {
      // An abort by one of several: the others' rows are simply run again.
      const isAbort = error instanceof PocketPhiError && error.code === 'aborted'
      if (isAbort && parts.some(({ request }) => request.options.signal?.aborted === true)) return
      for (const { request } of parts) {
        remove(this.#requests, request)
        request.reject(error)
      }
    } finally {
      link.release()
    }
  }

  async #preparePages(parts: readonly Part[]): Promise<void> {
    for (const { request, until } of parts) {
      for (const { from, to } of this.#pool.prepare(present(request.sequence.table, 'table'), until)) {
        await this.device.run(copyProgramName, { from: Int32Array.of(from), to: Int32Array.of(to) })
        this.counters.copiedPages++
      }
    }
  }

  #inputsFor(parts: readonly Part[]) {
    const { buckets, cache } = this.programs
    const total = parts.reduce((sum, { from, until }) => sum + until - from, 0)
    const { name, rows } = bucketFor(buckets, total)
    const inputs = {
      ids: new Int32Array(rows),
      positions: new Int32Array(rows),
      regimes: new Int32Array(rows),
      sequences: new Int32Array(rows).fill(-1),
      pageTable: new Int32Array(cache.sequences * cache.pagesOfSequence),
      selected: new Int32Array(logitRows(rows)),
    }
    const wanted: { request: Request; row: number }[] = []
    let at = 0
    parts.forEach(({ request, from, until }, slot) => {
      const { sequence, wantedFrom } = request
      inputs.pageTable.set(this.#pool.indices(present(sequence.table, 'table')), slot * cache.pagesOfSequence)
      for (let row = from; row < until; row++, at++) {
        inputs.ids[at] = present(sequence.ids[row], 'id')
        inputs.positions[at] = row
        inputs.regimes[at] = sequence.regime
        inputs.sequences[at] = slot
        if (row < wantedFrom) continue
        inputs.selected[wanted.length] = at
        wanted.push({ request, row })
      }
    })
    return { name, rows: rows - total, inputs, wanted }
  }

  #commit(parts: readonly Part[], wanted: readonly { request: Request; row: number }[], logits: Float32Array): void {
    for (const { request, from, until } of parts) {
      const { sequence } = request
      this.#pool.commit(present(sequence.table, 'table'), sequence.ids.slice(from, until))
      this.counters.rows += until - from
    }
    parts.forEach(({ request, until }) => {
      // What one receiver throws is that receiver's failure, not that of the others in the batch.
      try {
        wanted.forEach((row, index) => {
          if (row.request !== request) return
          request.deliver(row.row, logits.subarray(index * this.vocabulary, (index + 1) * this.vocabulary))
        })
        reportProgress(request, until)
      } catch (error) {
        remove(this.#requests, request)
        request.reject(error)
        return
      }
      if (until < request.sequence.ids.length) return
      remove(this.#requests, request)
      request.resolve()
    })
  }
}

/** A single new token is no prompt that is being read, unless all before it had to be read again. */
function reportProgress({ sequence, from, stage, options }: Request, until: number): void {
  const total = sequence.ids.length - from
  if (total > 1 || stage === stages.again) options.onProgress?.({ stage, done: until - from, total, unit: 'tokens' })
}

function remove<T>(list: T[], item: T): void {
  const index = list.indexOf(item)
  if (index >= 0) list.splice(index, 1)
}

function abortedError(signal: AbortSignal | undefined): PocketPhiError {
  return new PocketPhiError('aborted', 'The operation was aborted.', { cause: signal?.reason })
}

/** A signal that fires with any of several, and leaves nothing behind on them. */
function linkSignals(signals: readonly AbortSignal[]): { signal: AbortSignal; release(): void } {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  for (const signal of signals) signal.addEventListener('abort', abort, { once: true })
  if (signals.some((signal) => signal.aborted)) abort()
  return {
    signal: controller.signal,
    release: () => signals.forEach((signal) => signal.removeEventListener('abort', abort)),
  }
}
