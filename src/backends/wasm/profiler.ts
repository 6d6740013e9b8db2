/** Where the time of runs goes. Clocks of different threads are never compared. */
import { present } from '../../base/errors.ts'
import type { ProfileEntry, ProgramProfile } from '../backend.ts'
import type { Layout, ProgramLayout } from './layout.ts'
import { copyBetweenMemories } from './steps.ts'
import { beginning, ending, firstKernel, type ThreadTimes } from './timed.ts'

/** Sums over the runs of a program. */
interface Totals {
  readonly calls: Float64Array
  /** By kernel, as those of `calls`. */
  readonly milliseconds: Float64Array
  runs: number
  segments: number
  /** Over the segments. */
  threads: number
  barriers: number
  /** From the first step of a segment to its last. */
  walking: number
  running: number
}

/** The caller's side: adds up what the threads have noted. */
export class Profiler {
  /** For each thread the memory that it notes in; zero between segments. */
  readonly times: readonly ThreadTimes[]
  readonly #programs: readonly ProgramLayout[]
  readonly #kernels: readonly string[]
  readonly #totals = new Map<number, Totals>()
  #run: { readonly totals: Totals; readonly barriers: readonly boolean[]; readonly start: number } | undefined

  /**
   * @param kernels their names, by number
   * @param threads 0 for the caller's own
   */
  constructor({ programs }: Layout, kernels: readonly string[], threads: number) {
    this.#programs = programs
    this.#kernels = [...kernels, copyBetweenMemories]
    const bytes = 8 * (firstKernel + 2 * this.#kernels.length)
    this.times = Array.from(
      { length: Math.max(1, threads) },
      () => new Float64Array(threads > 0 ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes)),
    )
  }

  begin(program: number): void {
    const { barriers } = present(this.#programs[program], 'program')
    const count = this.#kernels.length
    const totals = this.#totals.get(program) ?? {
      calls: new Float64Array(count),
      milliseconds: new Float64Array(count),
      ...{ runs: 0, segments: 0, threads: 0, barriers: 0, walking: 0, running: 0 },
    }
    this.#totals.set(program, totals)
    this.#run = { totals, barriers, start: performance.now() }
  }

  /** The threads have walked the steps [from, to). */
  segmentEnded(from: number, to: number): void {
    const { totals, barriers } = present(this.#run, 'the run that has begun')
    const active = this.times.filter((times) => times[beginning] !== 0)
    const spans = active.map((times) => (times[ending] as number) - (times[beginning] as number))
    totals.segments += 1
    totals.threads += active.length
    totals.walking += Math.max(0, ...spans)
    totals.barriers += barriers.slice(from, to - 1).filter(Boolean).length
    for (const [thread, times] of active.entries()) {
      for (let kernel = 0; kernel < this.#kernels.length; kernel++) {
        const at = firstKernel + 2 * kernel
        if (thread === 0) totals.calls[kernel] = (totals.calls[kernel] as number) + (times[at] as number)
        totals.milliseconds[kernel] =
          (totals.milliseconds[kernel] as number) + (times[at + 1] as number) / active.length
      }
      times.fill(0)
    }
  }

  /** Also after a run that was aborted or failed, with what it came to. */
  end(): void {
    const { totals, start } = present(this.#run, 'the run that has begun')
    totals.runs += 1
    totals.running += performance.now() - start
  }

  /** What was added up since the last call, in the order in which programs ran first. */
  take(): ProgramProfile[] {
    const profiles = [...this.#totals].map(([program, totals]) => this.#profileOf(program, totals))
    this.#totals.clear()
    return profiles
  }

  #profileOf(number: number, { calls, milliseconds, ...totals }: Totals): ProgramProfile {
    const entries = this.#kernels.map((name, kernel): ProfileEntry => ({
      name,
      calls: calls[kernel] as number,
      milliseconds: milliseconds[kernel] as number,
    }))
    const inKernels = milliseconds.reduce((sum, value) => sum + value, 0)
    return {
      program: present(this.#programs[number], 'program').program.name,
      runs: totals.runs,
      milliseconds: totals.running,
      threads: totals.threads / Math.max(1, totals.segments),
      kernels: entries.filter((entry) => entry.calls > 0).sort((a, b) => b.milliseconds - a.milliseconds),
      barriers: { name: 'barriers', calls: totals.barriers, milliseconds: totals.walking - inKernels },
      dispatch: { name: 'dispatch', calls: totals.segments, milliseconds: totals.running - totals.walking },
    }
  }
}
