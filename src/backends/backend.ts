import type { TensorType } from '../base/dtype.ts'
import type { RepackPanel } from '../blocks/ggml-repack.ts'
import type { MemoryPlan } from '../program/plan.ts'
import type { Program } from '../program/program.ts'

/** What a caller writes before a run: index vectors, scalars, embedding rows. Lengths must equal the declared shapes. */
export type RunInputs = Readonly<Record<string, Int32Array | Float32Array>>

export interface RunOptions {
  /**
   * Checked between segments, at most about 50 ms apart but for steps that cannot be cut: attention over a long context on
   * few threads takes some hundreds. The oracle checks between operations. An aborted run rejects with `aborted`.
   */
  readonly signal?: AbortSignal
  /** Names of the outputs that the caller wants; all when left out. The others stay on the device. */
  readonly outputs?: readonly string[]
}

/** What a run gives: f32, and integers as such, which f32 holds exactly up to 2^24. */
export type RunOutputs = Record<string, Float32Array>

/** How a device runs, for people to see. */
export interface Execution {
  /** Worker threads that it may use; 0 when the caller's own thread computes. */
  readonly threads: number
  /** Which build of the kernels runs (`relaxed-threads`, `baseline-single` …), where there are several. */
  readonly kernels?: string
  /** Which of two ways with the same results is faster here, where that was measured; see `WasmOptions.products`. */
  readonly products?: 'fours' | 'pairs'
  /** Why there are no threads although they were not declined. */
  readonly fallback?: string
  /** Which backend this is and why, where it was not asked for by name. */
  readonly chosen?: string
}

/** Something that runs of a program spend time on. */
export interface ProfileEntry {
  /** The kernel, or what else takes time. */
  readonly name: string
  readonly calls: number
  readonly milliseconds: number
}

/**
 * Where the time of the runs of a program went, as the caller waited for it: kernels, barriers and dispatch add up to
 * `milliseconds`. What threads do at the same time counts once, as the mean over those that ran.
 */
export interface ProgramProfile {
  /** Its name. */
  readonly program: string
  readonly runs: number
  /** Of all runs together, by the clock on the wall. */
  readonly milliseconds: number
  /** Threads that ran, on average. */
  readonly threads: number
  /** The most time first. A kernel's calls are those of one thread. */
  readonly kernels: readonly ProfileEntry[]
  /** Threads that wait for each other within a segment, and their walk from step to step. */
  readonly barriers: ProfileEntry
  /** The rest; its calls are segments: inputs are written, threads woken and heard from, outputs copied. */
  readonly dispatch: ProfileEntry
}

/** Where a device that does not hold all experts gets their matrices from while it runs. */
export interface ExpertSource {
  /**
   * Fills the bytes with a matrix as a store holds it; when the signal fires they may stay as they are, and it rejects with `aborted`. Several
   * may be read at the same time.
   */
  read(name: string, into: Uint8Array, signal?: AbortSignal): Promise<void>
  close(): Promise<void>
}

export interface ExpertCacheOptions {
  /** Bytes for matrices of experts; a device takes more where it could not run with them, and no more than there are. */
  readonly cacheBytes: number
  readonly source: ExpertSource
}

/** Matrices of experts that runs have asked for. */
export interface ExpertCounters {
  /** Those that were in memory, but for those that were read for them in the same run. */
  readonly hits: number
  /** Those that were read, a few that nobody wanted then included. */
  readonly reads: number
  readonly bytesRead: number
  /** In which no step could run for want of a matrix. */
  readonly waitedMilliseconds: number
}

/**
 * Programs that share one store of parameters and states, ready to run. Their memory is made by `open`, at its planned
 * size. A device does one thing at a time: while it runs or fills a tensor, everything else is refused.
 */
export interface Device {
  readonly backend: string
  readonly execution: Execution
  readonly memory: MemoryPlan
  /** The type of a parameter or state. Throws `not-found` for an unknown name. */
  typeOf(name: string): TensorType
  /** The names of all parameters and states of the store, in layout order. */
  names(): readonly string[]
  /**
   * Fills a tensor of the store piece by piece, in order: `read` receives the bytes to fill (in the tensor's own dtype and
   * layout) and their offset in the whole tensor. Where the device's memory can be seen they are that memory, so that a
   * file is read straight into place.
   */
  fill(name: string, read: (bytes: Uint8Array, offset: number) => void | Promise<void>): Promise<void>
  /** Repacks what `fill` gets from a GGUF file, where the device has something faster for it than plain TypeScript. */
  readonly repackPanel?: RepackPanel | undefined
  /** Overwrites a float tensor (f32 or f64), whole. */
  write(name: string, values: Float32Array | Float64Array): void
  /** A float tensor of the store (f32), whole, as a copy. */
  read(name: string): Promise<Float32Array>
  /** The bytes of a tensor of the store, whole, as a copy. */
  readBytes(name: string): Promise<Uint8Array<ArrayBuffer>>
  /** Runs one of the programs; resolves to copies of its outputs. */
  run(program: string, inputs: RunInputs, options?: RunOptions): Promise<RunOutputs>
  /**
   * Enqueues a run behind the last one, whose results the caller has not read yet; `following` names the inputs, and for each
   * the output of that run whose first elements take the place of what is given. At most one run is ahead of another. It
   * rejects with what ended the one before. Where the one before has ended, nobody may want this one any more: what fills or
   * reads a tensor then waits for its end. Undefined on a device that would not be done any sooner.
   */
  runAhead?(
    program: string,
    inputs: RunInputs,
    following: Readonly<Record<string, string>>,
    options?: RunOptions,
  ): Promise<RunOutputs>
  /** What was asked for since the device was opened; undefined where it holds all experts, or has none. */
  readonly experts?: ExpertCounters | undefined
  /** Of every program that ran since the last call; empty unless the backend was asked for profiles. */
  takeProfiles(): readonly ProgramProfile[]
  /** Gives the memory back and ends a run that goes on; everything else is refused from then on. */
  dispose(): Promise<void>
}

/** Something that can run programs. Users of the package make one (`wasmBackend`, `referenceBackend`) and hand it to `loadModel`. */
export interface Backend {
  readonly name: string
  /** Which backend this is and why, where it was not asked for by name. */
  readonly chosen?: string
  /**
   * What these programs would take, before anything is allocated. Throws `not-supported` for an operation it lacks.
   *
   * @internal
   */
  measure(programs: readonly Program[]): MemoryPlan
  /**
   * Plans the programs and allocates their memory; parameters and states are zero. Throws `out-of-memory`.
   *
   * @internal
   */
  open(programs: readonly Program[]): Promise<Device>
  /**
   * The same backend with devices that hold some matrices of experts at a time and read the others when they are chosen. Results have the same
   * bits. A run in which a read fails rejects with what the source threw, and the device can go on. A device that is open owns the source: it closes
   * it when it is disposed of. Undefined for a backend that holds all experts.
   *
   * @internal
   */
  readonly withExpertCache?: (options: ExpertCacheOptions) => Backend
}
