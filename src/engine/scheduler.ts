import type { Device, RunInputs, RunOptions, RunOutputs } from '../backends/backend.ts'
import { PocketPhiError, present, throwIfAborted } from '../base/errors.ts'
import { linkSignals } from '../base/link-signals.ts'
import { nextTurn } from '../base/turn.ts'
import { logitRows, outputNames } from '../models/trace.ts'
import { pageSize } from '../program/ops/cache.ts'
import { mostReused, nextParts, type Part as BatchPart } from './batch.ts'
import { contextFullError } from './context-full.ts'
import { noCounts, type EngineCounters } from './counters.ts'
import { PagePool, type PageTable, type Regime } from './pages.ts'
import { bucketFor, copyProgramName, type EnginePrograms } from './programs.ts'
import { checkSight, lookAtPictures, pictureInputs } from './sight.ts'
import { Sequence, type AdvanceOptions, type Delivery, type SequenceHost, type SequenceOptions } from './sequence.ts'

/** Rows of a sequence that wait to be computed. */
interface Request {
  readonly sequence: Sequence
  readonly from: number
  readonly wantedFrom: number
  readonly stage: string
  readonly delivery: Delivery
  readonly options: AdvanceOptions
  resolve(): void
  reject(error: unknown): void
}

type Part = BatchPart<Request>

/** A pass that the device has, or gets. */
interface Pass {
  readonly outputs: Promise<RunOutputs>
  readonly paddingRows: number
}

/** A pass over the row behind the computed ones of a sequence, whose token is the likeliest of the pass before. */
interface PassAhead extends Pass {
  readonly sequence: Sequence
  readonly table: PageTable
  readonly from: number
  /** The token, once the pass before has been read. */
  id: number | undefined
}

/** Something else than rows that waits for its turn with the device. */
interface Errand {
  run(): Promise<void>
  reject(error: unknown): void
}

/** A sequence that waits for room. */
interface Admission {
  readonly sequence: Sequence
  readonly pages: number
  admit(): void
  reject(error: unknown): void
}

const stages = { prompt: 'reading the prompt', again: 'reading again for the long context' } as const

/** Stands for a token that the device will know. */
const unknownId = 0

/**
 * Runs the rows of all sequences through one program after another: decode rows and chunks of prompts share batches. One
 * batch at a time; what arrives meanwhile joins the next.
 */
export class Scheduler implements SequenceHost {
  readonly programs: EnginePrograms
  readonly device: Device
  readonly counters: EngineCounters = noCounts()
  readonly #pool: PagePool
  readonly #open = new Map<Sequence, number>()
  readonly #admissions: Admission[] = []
  readonly #requests: Request[] = []
  readonly #errands: Errand[] = []
  #freePages: number
  #ahead: PassAhead | undefined
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

  /** Whether the thread that asks for rows is free while they are computed. */
  get computesAside(): boolean {
    return this.device.backend === 'webgpu' || this.device.execution.threads > 0
  }

  /** How many of the greatest logits of a row can be read without the others. */
  get candidates(): number {
    return this.programs.candidates
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
    checkSight(this.programs.model, options.pictures)
    const regime = this.#regimeOf(ids.length, options.rope === 'long' ? 1 : 0)
    const sequence = new Sequence(this, ids, reserved, regime, options.pictures)
    if (this.#admissions.length === 0 && this.#hasRoom(pages)) this.#admit(sequence, pages)
    else await this.#waitForRoom(sequence, pages, options.signal)
    return sequence
  }

  async advance(sequence: Sequence, wantedFrom: number, delivery: Delivery, options: AdvanceOptions): Promise<void> {
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
      await lookAtPictures(this.programs.model, sequence, options, (program, inputs) =>
        this.#runBetween(program, inputs, options.signal),
      )
      await new Promise<void>((resolve, reject) => {
        const from = sequence.computed
        this.#requests.push({ sequence, from, wantedFrom, stage, delivery, options, resolve, reject })
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
   * Takes the first `length` tokens of a sequence of which nothing was computed as computed, once `fill` has put their keys and values
   * into the pages with these numbers (`Device.fill`).
   *
   * @throws PocketPhiError `invalid-argument` once something was computed, or for more tokens than the sequence has; what `fill`
   * throws, and nothing is computed then
   */
  async adopt(sequence: Sequence, length: number, fill: (pages: readonly number[]) => Promise<void>): Promise<void> {
    await this.alone(async () => {
      const fits = Number.isInteger(length) && length >= 0 && length <= sequence.ids.length
      if (sequence.table !== undefined || !fits || !this.#open.has(sequence)) {
        throw new PocketPhiError('invalid-argument', 'The sequence cannot take these tokens as computed.', {
          expected: `an open sequence of which nothing was computed, and at most ${sequence.ids.length} tokens`,
          found: `${sequence.computed} computed tokens, and ${length} to adopt`,
        })
      }
      const table = this.#pool.open(sequence.ids, 0, sequence.regime)
      this.#pool.prepare(table, length)
      sequence.busy = true
      try {
        await fill(this.#pool.indices(table))
        this.#pool.commit(table, sequence.ids.slice(0, length))
        sequence.table = table
      } catch (error) {
        this.#pool.close(table)
        throw error
      } finally {
        sequence.busy = false
        if (sequence.closed) this.#finish(sequence)
      }
    })
  }

  /** The numbers of the pages with what a sequence has computed. */
  pagesOf({ table, computed }: Sequence): readonly number[] {
    return table === undefined ? [] : this.#pool.indices(table).slice(0, Math.ceil(computed / pageSize))
  }

  /** Does something with the device while nothing runs; what is asked for meanwhile waits. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    this.#checkOpen()
    return await new Promise<T>((resolve, reject) => {
      this.#errands.push({ run: () => work().then(resolve, reject), reject })
      this.#loop ??= this.#run()
    })
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
    for (const errand of this.#errands.splice(0)) errand.reject(closed)
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
    throw contextFullError(this.programs, {
      problem: 'The text is longer than the context.',
      most: this.context,
      found: String(length),
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
    let most = Math.min(wantedFrom, mostReused(sequence.ids.length))
    if (sequence.table !== undefined && sequence.table.length > wantedFrom) {
      this.#pool.close(sequence.table)
      sequence.table = undefined
      most = wantedFrom
    }
    if (sequence.table === undefined) {
      sequence.table = this.#pool.open(sequence.ids, most, regime)
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
    while (this.#requests.length > 0 || this.#errands.length > 0) {
      // Those who got their logits in the last batch may want to join this one.
      if (this.#open.size > 1) await nextTurn()
      await this.#runErrand()
      this.#dropAborted()
      const parts = this.#nextParts()
      if (parts.length > 0) await this.#runParts(parts)
    }
    // In the same turn as the last look at the list, so that no request falls between two loops.
    this.#loop = undefined
  }

  /** Runs another program of the device between two batches. */
  async #runBetween(program: string, inputs: RunInputs, signal: AbortSignal | undefined): Promise<RunOutputs> {
    return await this.alone(async () => {
      const link = linkSignals([this.#end.signal, ...(signal === undefined ? [] : [signal])])
      try {
        return await this.device.run(program, inputs, { signal: link.signal })
      } finally {
        link.release()
      }
    })
  }

  async #runErrand(): Promise<void> {
    const errand = this.#errands.shift()
    if (errand === undefined) return
    // A pass that is ahead is still the device's; what it gives stays good.
    await this.#ahead?.outputs.catch(() => {})
    await errand.run()
  }

  #dropAborted(): void {
    for (const request of [...this.#requests]) {
      const { signal } = request.options
      if (signal?.aborted !== true) continue
      remove(this.#requests, request)
      request.reject(abortedError(signal))
    }
  }

  /**
   * The rows of the next batch: one that has begun already, or those that decode first, then prompts in the order in which
   * they came.
   */
  #nextParts(): Part[] {
    const begun = this.#requests.find((request) => this.#isBegun(request))
    if (begun !== undefined)
      return [{ request: begun, from: begun.sequence.computed, until: begun.sequence.ids.length }]
    return this.#requests.length === 0 ? [] : nextParts(this.#requests, this.programs.buckets)
  }

  async #runParts(parts: readonly Part[]): Promise<void> {
    const link = linkSignals([this.#end.signal, ...parts.flatMap(({ request }) => request.options.signal ?? [])])
    try {
      const pass = (await this.#takeBegun(parts)) ?? (await this.#begin(parts, link.signal))
      const ahead = this.#beginAhead(parts)
      const outputs = await pass.outputs
      if (ahead !== undefined) ahead.id = outputs[outputNames.candidateIds]?.[0]
      this.counters.runs++
      this.counters.paddingRows += pass.paddingRows
      this.#commit(parts, outputs)
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

  async #begin(parts: readonly Part[], signal: AbortSignal): Promise<Pass> {
    await this.#preparePages(parts)
    return this.#enqueue(parts, (name, inputs, options) => this.device.run(name, inputs, { ...options, signal }))
  }

  #enqueue(
    parts: readonly Part[],
    run: (name: string, inputs: RunInputs, options: RunOptions) => Promise<RunOutputs>,
  ): Pass {
    const { name, paddingRows, inputs } = this.#inputsFor(parts)
    return { outputs: run(name, inputs, { outputs: outputsFor(parts) }), paddingRows }
  }

  /** Whether the pass that is ahead is over what a request waits for. */
  #isBegun({ sequence, delivery }: Request): boolean {
    const { ids, table, computed } = sequence
    const ahead = this.#ahead
    if (ahead === undefined || ahead.sequence !== sequence || ahead.table !== table) return false
    const isNext = ahead.from === computed && ids.length === computed + 1 && ids[computed] === ahead.id
    return isNext && wantsCandidatesAlone(delivery)
  }

  /** The pass over these rows where it has begun already. One over other rows came to nothing, and is waited for. */
  async #takeBegun([part]: readonly Part[]): Promise<Pass | undefined> {
    const ahead = this.#ahead
    const isOverThese = part !== undefined && this.#isBegun(part.request)
    this.#ahead = undefined
    // A failure is none of these rows; that of a device will show in their own run.
    if (!isOverThese) await ahead?.outputs.catch(() => {})
    return isOverThese ? ahead : undefined
  }

  /**
   * Enqueues the pass over the row that follows these while theirs goes on, where its token is certain to be the likeliest, if one
   * follows at all. What it writes into the cache counts only once the token has followed.
   */
  #beginAhead([part, ...others]: readonly Part[]): PassAhead | undefined {
    const { device } = this
    if (device.runAhead === undefined || part === undefined || others.length > 0 || !this.#mayFollow(part))
      return undefined
    const { request, until } = part
    const { sequence } = request
    const table = present(sequence.table, 'table')
    // The row before is written to the same page, or to a page of this sequence alone.
    if (this.#pool.prepare(table, until + 1).length > 0) throw new Error('defect: the pages ahead are those of others')
    const pass = this.#enqueue([{ request, from: until, until: until + 1 }], (name, inputs, options) =>
      present(device.runAhead?.(name, inputs, { ids: outputNames.candidateIds }, options), 'run'),
    )
    pass.outputs.catch(() => {})
    this.counters.runsAhead++
    this.#ahead = { ...pass, sequence, table, from: until, id: undefined }
    return this.#ahead
  }

  /** Whether the row behind these can be computed as it would be later: alone, with the rotary table of now, within the room. */
  #mayFollow({ request, until }: Part): boolean {
    const { sequence, wantedFrom, delivery, options } = request
    const isAlone = this.#requests.length === 1 && this.#open.size === 1
    const isLast = until === sequence.ids.length && wantedFrom === until - 1
    const takesLikeliest = options.takesLikeliest === true && wantsCandidatesAlone(delivery)
    const hasRoom = until + 1 < sequence.reserved
    return (
      isAlone && isLast && takesLikeliest && hasRoom && this.#regimeOf(until + 1, sequence.regime) === sequence.regime
    )
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
    const pictures = pictureInputs(this.programs.model, rows)
    let [at, wanted] = [0, 0]
    parts.forEach(({ request, from, until }, slot) => {
      const { sequence, wantedFrom } = request
      inputs.pageTable.set(this.#pool.indices(present(sequence.table, 'table')), slot * cache.pagesOfSequence)
      for (let row = from; row < until; row++, at++) {
        const id = sequence.ids[row] ?? unknownId
        inputs.ids[at] = Math.max(0, id)
        if (id < 0) pictures?.put(at, present(sequence.pictureOf(id), 'picture').rowOf(id))
        inputs.positions[at] = row
        inputs.regimes[at] = sequence.regime
        inputs.sequences[at] = slot
        if (row >= wantedFrom) inputs.selected[wanted++] = at
      }
    })
    return { name, paddingRows: rows - total, inputs: { ...inputs, ...pictures?.inputs } }
  }

  #commit(parts: readonly Part[], outputs: RunOutputs): void {
    for (const { request, from, until } of parts) {
      const { sequence } = request
      this.#pool.commit(present(sequence.table, 'table'), sequence.ids.slice(from, until))
      this.counters.rows += until - from
    }
    let first = 0
    for (const { request, from, until } of parts) {
      const { delivery, sequence } = request
      const firstRow = Math.max(from, request.wantedFrom)
      const index = first - firstRow
      first += Math.max(0, until - firstRow)
      // What one receiver throws is that receiver's failure, not that of the others in the batch.
      try {
        for (let row = firstRow; row < until; row++) this.#deliver(delivery, row, outputs, index + row)
        reportProgress(request, until)
      } catch (error) {
        remove(this.#requests, request)
        request.reject(error)
        continue
      }
      if (until < sequence.ids.length) continue
      remove(this.#requests, request)
      request.resolve()
    }
  }

  /** Gives a receiver what the pass says of a row, which is the one with this index among those that were wanted. */
  #deliver({ logits, hidden, candidates }: Delivery, row: number, outputs: RunOutputs, index: number): void {
    const of = (name: string, width: number): Float32Array =>
      present(outputs[name], name).subarray(index * width, (index + 1) * width)
    logits?.(row, of(outputNames.logits, this.vocabulary))
    hidden?.(row, of(outputNames.hidden, this.programs.width))
    candidates?.(row, {
      ids: Int32Array.from(of(outputNames.candidateIds, this.candidates)),
      logits: of(outputNames.candidateLogits, this.candidates),
    })
  }
}

function wantsCandidatesAlone({ logits, hidden }: Delivery): boolean {
  return logits === undefined && hidden === undefined
}

/** The outputs that somebody receives. */
function outputsFor(parts: readonly Part[]): string[] {
  const { logits, hidden, candidateLogits, candidateIds } = outputNames
  const isWanted = (of: keyof Delivery): boolean => parts.some(({ request }) => request.delivery[of] !== undefined)
  const rows = [...(isWanted('logits') ? [logits] : []), ...(isWanted('hidden') ? [hidden] : [])]
  return [...rows, ...(isWanted('candidates') ? [candidateLogits, candidateIds] : [])]
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
