import { PocketPhiError } from '../../base/errors.ts'
import type { Program } from '../../program/program.ts'
import type { Backend, Device, Execution, ExpertCacheOptions } from '../backend.ts'
import { WasmDevice } from './device.ts'
import { inlineRunner } from './inline.ts'
import { maximumMemoryBytes, planLayout, writeArguments, type Layout, type LayoutOptions } from './layout.ts'
import { pairsAreFaster } from './loops.ts'
import { checkKernels, hasRelaxedSimd, kernelModule, type Simd } from './module.ts'
import { whyNoThreads, WorkerPool } from './pool.ts'
import { panelRepacker, repackingKernel } from './repack.ts'
import { scoreOf } from './runner.ts'
import { availableCores } from './threads.ts'

/** How the WebAssembly backend runs. */
export interface WasmOptions {
  /** Worker threads, 1 to 64; 0 runs in the caller's thread. Default: the number of cores, at most 8. */
  readonly threads?: number
  /** Default `auto`: relaxed SIMD where the engine has it. Results of the two differ in the last bits. */
  readonly simd?: Simd | 'auto'
  /** `inline` runs in the caller's thread, as does `auto` where threads cannot share memory; `Device.execution` says so. */
  readonly mode?: 'auto' | 'inline'
  /** The largest piece that a parameter or state is cut into; default 1 GiB. */
  readonly maxSlabBytes?: number
  /**
   * The largest memory that is made; default and most: nearly 4 GiB. Programs that need more are spread over several.
   * Results do not depend on it, unless a dense matrix that is not transposed is larger and has to be cut for it.
   */
  readonly maxMemoryBytes?: number
  /** Ask for kernels whose pairs of vectors V8 fuses under --experimental-wasm-revectorize. Same bits. */
  readonly wide?: boolean
  /**
   * How packed weights meet int8 activations: sums of four products in 32 bits, which some processors have an instruction for, or of two
   * in 16 bits. Same bits. Default: what is faster here, which is measured.
   */
  readonly products?: 'fours' | 'pairs'
  /** Keep the profiles that `Device.takeProfiles` hands out; each step takes two readings of a clock more. */
  readonly profile?: boolean
}

const mostThreadsByDefault = 8
const mostThreads = 64

/** Worker threads to start, 0 for the caller's own; and why there are none, where that was not asked for. */
function chooseThreads({ threads, mode = 'auto' }: WasmOptions): Pick<Execution, 'threads' | 'fallback'> {
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 0 && threads <= mostThreads)) {
    throw new PocketPhiError('invalid-argument', 'The number of threads is out of range.', {
      expected: `an integer in [0, ${mostThreads}]`,
      found: String(threads),
    })
  }
  if (mode === 'inline' || threads === 0) return { threads: 0 }
  const fallback = whyNoThreads()
  if (fallback !== undefined) return { threads: 0, fallback }
  return { threads: threads ?? Math.max(1, Math.min(mostThreadsByDefault, availableCores())) }
}

function checkMemoryBytes(bytes: number): void {
  if (bytes > 0 && bytes <= maximumMemoryBytes) return
  throw new PocketPhiError('invalid-argument', 'The option "maxMemoryBytes" is out of range.', {
    expected: `a number of bytes up to ${maximumMemoryBytes}`,
    found: String(bytes),
  })
}

/** Memories at their planned sizes, which they keep. Where one is refused, nothing holds those before it any more. */
function makeMemories({ memories, memory }: Layout, shared: boolean): WebAssembly.Memory[] {
  return memories.map(({ pages }, index) => {
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages, shared })
    } catch (cause) {
      const which =
        memories.length === 1 ? '' : ` in ${memories.length} memories, of which number ${index + 1} was refused`
      throw new PocketPhiError('out-of-memory', 'The memory for these programs could not be made.', {
        expected: `${memory.total} bytes${which}`,
        found: String(cause),
        remedy: 'Close other programs, or use fewer weight bits or a shorter context.',
        cause,
      })
    }
  })
}

/**
 * The backend of every place that has WebAssembly: hand-written SIMD kernels, walked by worker threads over shared memory.
 * Results have the same bits for any number of threads.
 *
 * @throws PocketPhiError `invalid-argument` for options out of range
 */
export function wasmBackend(options: WasmOptions = {}): Backend {
  const { simd = 'auto', maxSlabBytes = 2 ** 30, maxMemoryBytes = maximumMemoryBytes, wide = false } = options
  const { profile = false } = options
  checkMemoryBytes(maxMemoryBytes)
  const chosen = chooseThreads(options)
  const { threads } = chosen
  const build = simd === 'auto' ? (hasRelaxedSimd() ? 'relaxed' : 'baseline') : simd
  const products = build === 'relaxed' ? (options.products ?? (pairsAreFaster() ? 'pairs' : 'fours')) : undefined
  const execution: Execution = {
    ...chosen,
    kernels: `${build}-${threads > 0 ? 'threads' : 'single'}`,
    ...(products === undefined ? {} : { products }),
  }
  const paired = products === 'pairs'
  const layoutOptions: LayoutOptions = { threads: Math.max(1, threads), maxSlabBytes, maxMemoryBytes, wide, paired }
  return backendWith({ layoutOptions, build, threads, execution, profile })
}

/** What does not depend on the programs. */
interface BackendParts {
  readonly layoutOptions: LayoutOptions
  readonly build: Simd
  /** 0 for the caller's own. */
  readonly threads: number
  readonly execution: Execution
  readonly profile: boolean
}

function backendWith(parts: BackendParts, experts?: ExpertCacheOptions): Backend {
  const { build, threads, execution, profile } = parts
  const layoutOptions = { ...parts.layoutOptions, expertCacheBytes: experts?.cacheBytes }
  // What is opened was measured before, as a rule.
  const layouts = new WeakMap<readonly Program[], Layout>()
  const layoutOf = (programs: readonly Program[]): Layout => {
    const layout = layouts.get(programs) ?? planLayout(programs, layoutOptions)
    layouts.set(programs, layout)
    return layout
  }
  return {
    name: 'wasm',
    measure: (programs) => layoutOf(programs).memory,
    async open(programs: readonly Program[]): Promise<Device> {
      const layout = layoutOf(programs)
      const module = await kernelModule(build, threads > 0)
      const { holdExperts } = experts === undefined ? {} : await import('./experts.ts')
      const { Profiler } = profile ? await import('./profiler.ts') : {}
      const { kernels } = scoreOf(layout)
      checkKernels(module, [...kernels, repackingKernel])
      const memories = makeMemories(layout, threads > 0)
      const profiler = Profiler && new Profiler(layout, kernels, threads)
      const runner =
        threads > 0
          ? await WorkerPool.open(module, memories, layout, threads, profiler?.times)
          : inlineRunner(module, memories, layout, profiler?.times[0])
      const buffers = memories.map(({ buffer }) => buffer)
      writeArguments(layout, ...buffers)
      const held = experts && holdExperts?.(layout, buffers, experts.source)
      const repackPanel = panelRepacker(module, threads > 0)
      return new WasmDevice(memories, layout, runner, { execution, profiler, experts: held, repackPanel })
    },
    withExpertCache: (options) => backendWith(parts, options),
  }
}
