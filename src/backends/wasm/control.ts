/**
 * How the caller and the workers agree, in one small shared buffer of its own. To run a segment the caller stores program
 * and steps and raises the generation of the threads that shall walk it; they do, waiting for each other where the plan
 * says so; the last to arrive at the end publishes the generation as done. No messages are sent.
 */

/** Indices of i32 words; those that different threads write lie in different cache lines. */
const word = {
  program: 0,
  from: 1,
  to: 2,
  /** Threads that walk the segment: the first so many. */
  active: 3,
  /** What `arrivals` was when the segment began. */
  base: 4,
  quit: 5,
  /** Turns that a thread spins at a barrier before it sleeps. */
  spin: 6,
  /** Counts arrivals at barriers, of all threads, for ever; it may wrap. */
  arrivals: 16,
  /** Threads that sleep at a barrier, or are about to. */
  sleepers: 32,
  /** The generation that all active threads have finished. */
  done: 48,
  /** 1 when a kernel has thrown. */
  failed: 49,
  /** Barriers at which a thread slept in the segments so far. */
  slept: 64,
  /** The generation that a thread is asked to walk; one word for each thread, a line apart. */
  generation: 80,
} as const

const lineWords = 16

export type Control = Int32Array<SharedArrayBuffer>

/** Room for the words of so many threads, in memory that all of them share, at rest. */
export function makeControl(threads: number): Control {
  return new Int32Array(new SharedArrayBuffer((word.generation + threads * lineWords) * 4))
}

function generationWord(thread: number): number {
  return word.generation + thread * lineWords
}

/** What a worker knows of a program: for every step the kernel, its argument block, and whether a barrier follows. */
export interface WalkPlan {
  readonly kernels: Int32Array
  readonly blocks: Int32Array
  readonly barriers: Uint8Array
}

export type Kernel = (args: number, thread: number, threads: number) => void

/** The caller's side. */
export class Conductor {
  readonly #control: Control
  #generation = 0

  constructor(control: Control, spin: number) {
    this.#control = control
    this.spin = spin
  }

  get spin(): number {
    return Atomics.load(this.#control, word.spin)
  }

  set spin(turns: number) {
    Atomics.store(this.#control, word.spin, turns)
  }

  get failed(): boolean {
    return Atomics.load(this.#control, word.failed) !== 0
  }

  /** Barriers at which a thread slept since the last call. */
  takeSlept(): number {
    return Atomics.exchange(this.#control, word.slept, 0)
  }

  /** Starts the steps [from, to) on the first `active` threads; resolves when each has finished them. */
  async run(program: number, from: number, to: number, active: number): Promise<void> {
    const control = this.#control
    Atomics.store(control, word.program, program)
    Atomics.store(control, word.from, from)
    Atomics.store(control, word.to, to)
    Atomics.store(control, word.active, active)
    Atomics.store(control, word.base, Atomics.load(control, word.arrivals))
    this.#generation = (this.#generation + 1) | 0
    for (let thread = 0; thread < active; thread++) {
      Atomics.store(control, generationWord(thread), this.#generation)
      Atomics.notify(control, generationWord(thread))
    }
    for (;;) {
      const done = Atomics.load(control, word.done)
      if (done === this.#generation) return
      await changed(control, word.done, done)
    }
  }

  /** Makes the workers return as soon as they have no segment to walk, and ends the wait for one that they may never finish. */
  quit(threads: number): void {
    Atomics.store(this.#control, word.quit, 1)
    this.#generation = (this.#generation + 1) | 0
    Atomics.store(this.#control, word.done, this.#generation)
    Atomics.notify(this.#control, word.done)
    for (let thread = 0; thread < threads; thread++) {
      // A new generation, so that a thread which is about to sleep on the old one does not.
      Atomics.store(this.#control, generationWord(thread), this.#generation)
      Atomics.notify(this.#control, generationWord(thread))
    }
  }
}

/** Resolves when a word is no longer `value`, without blocking. */
async function changed(control: Control, index: number, value: number): Promise<void> {
  if (typeof Atomics.waitAsync === 'function') {
    const wait = Atomics.waitAsync(control, index, value)
    if (wait.async) await wait.value
    return
  }
  while (Atomics.load(control, index) === value) await new Promise((resolve) => setTimeout(resolve, 1))
}

/** The worker's side: one thread of those that walk the programs. */
export class Walker {
  readonly #control: Control
  readonly #kernels: readonly Kernel[]
  readonly #plans: readonly WalkPlan[]
  readonly #thread: number
  readonly #report: (error: unknown) => void
  /** Threads of the segment. */
  #active = 0
  /** What `arrivals` will be when all have arrived at the next barrier. */
  #target = 0
  #slept = 0

  constructor(
    control: Control,
    kernels: readonly Kernel[],
    plans: readonly WalkPlan[],
    thread: number,
    report: (error: unknown) => void,
  ) {
    this.#control = control
    this.#kernels = kernels
    this.#plans = plans
    this.#thread = thread
    this.#report = report
  }

  /** Walks segments until the caller quits. */
  serve(): void {
    const control = this.#control
    const mine = generationWord(this.#thread)
    let generation = 0
    for (;;) {
      while (Atomics.load(control, mine) === generation) this.#awaitGeneration(mine, generation)
      if (Atomics.load(control, word.quit) !== 0) return
      generation = Atomics.load(control, mine)
      const plan = this.#plans[Atomics.load(control, word.program)]
      if (plan === undefined) throw new Error('defect: no such program')
      this.#active = Atomics.load(control, word.active)
      this.#target = Atomics.load(control, word.base)
      this.#walk(plan, Atomics.load(control, word.from), Atomics.load(control, word.to))
      if (this.#slept > 0) Atomics.add(control, word.slept, this.#slept)
      this.#slept = 0
      if (this.#arrive()) {
        Atomics.store(control, word.done, generation)
        Atomics.notify(control, word.done)
      }
    }
  }

  #awaitGeneration(mine: number, generation: number): void {
    const control = this.#control
    const budget = Atomics.load(control, word.spin)
    for (let turn = 0; turn < budget; turn++) {
      if (Atomics.load(control, mine) !== generation) return
    }
    Atomics.wait(control, mine, generation)
  }

  #walk(plan: WalkPlan, from: number, to: number): void {
    const { kernels, blocks, barriers } = plan
    // After a failure threads go on meeting at barriers, so that none waits for ever, but compute nothing.
    let computing = Atomics.load(this.#control, word.failed) === 0
    for (let step = from; step < to; step++) {
      if (computing) computing = this.#call(kernels[step] as number, blocks[step] as number)
      if (barriers[step] !== 0 && step + 1 < to && !this.#arrive()) this.#awaitArrivals()
    }
  }

  #call(kernel: number, block: number): boolean {
    try {
      ;(this.#kernels[kernel] as Kernel)(block, this.#thread, this.#active)
      return true
    } catch (error) {
      Atomics.store(this.#control, word.failed, 1)
      this.#report(error)
      return false
    }
  }

  /** Counts this thread in; true for the last to arrive, which wakes the others. */
  #arrive(): boolean {
    const control = this.#control
    this.#target = (this.#target + this.#active) | 0
    const arrived = (Atomics.add(control, word.arrivals, 1) + 1) | 0
    if (arrived !== this.#target) return false
    if (Atomics.load(control, word.sleepers) > 0) Atomics.notify(control, word.arrivals)
    return true
  }

  #awaitArrivals(): void {
    const control = this.#control
    const target = this.#target
    const budget = Atomics.load(control, word.spin)
    for (let turn = 0; turn < budget; turn++) {
      if (((Atomics.load(control, word.arrivals) - target) | 0) >= 0) return
    }
    this.#slept += 1
    Atomics.add(control, word.sleepers, 1)
    for (;;) {
      const arrivals = Atomics.load(control, word.arrivals)
      if (((arrivals - target) | 0) >= 0) break
      Atomics.wait(control, word.arrivals, arrivals)
    }
    Atomics.sub(control, word.sleepers, 1)
  }
}
