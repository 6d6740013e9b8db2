/** Which programs of a model fit into memory, and how much of its weights has to be there. */
import type { Backend } from '../backends/backend.ts'
import { PocketPhiError, present } from '../base/errors.ts'
import type { Model } from '../models/index.ts'
import { planStore, tensorBytes, type MemoryPlan } from '../program/plan.ts'
import type { Origin, Program } from '../program/program.ts'
import { expertSource, whyAllAreHeld } from './experts.ts'
import type { LoadOptions } from './load.ts'
import { tracePrograms, type EnginePrograms } from './programs.ts'
import { formatsOf, type WeightsFile } from './weights.ts'

/** Contexts that are tried, the largest first, when none was asked for. */
const usualContexts = [4096, 2048, 1024, 512, 256] as const

/** From the longest that is wanted down. */
function triedContexts({ shape }: Model, most: number = usualContexts[0]): number[] {
  const longest = Math.min(most, shape.maxPositions)
  return [longest, ...usualContexts.filter((context) => context < longest)]
}

/** A model that is to fit into so many bytes. */
export interface Wish {
  readonly model: Model
  readonly weights: WeightsFile
  readonly backend: Backend
  readonly options: LoadOptions
  readonly limit: number
}

export interface Fitting {
  readonly programs: EnginePrograms
  readonly plan: MemoryPlan
  /** What opens the programs. */
  readonly backend: Backend
}

/** A backend and what programs take on it. */
type Holding = Pick<Fitting, 'plan' | 'backend'>

/**
 * Uses the programs for the context that was asked for, or for the largest usual one that fits: into the limit, and into what
 * the machine then gives (a browser may refuse memory that the plan thought there was). Experts are read when they are chosen where
 * that was asked for, or where no context fits otherwise.
 *
 * @throws PocketPhiError `out-of-memory`, whose cause is the plan if it exceeds the limit; `not-supported`, `invalid-argument`
 */
export async function firstFitting<T>(wish: Wish, use: (fitting: Fitting) => T | Promise<T>): Promise<T> {
  const { model, weights, options } = wish
  const formats = formatsOf(weights, options.exact ?? false, options.cacheType)
  const contexts = options.context === undefined ? triedContexts(model, options.maxContext) : [options.context]
  const traced = new Map<number, EnginePrograms>()
  const programsFor = (context: number): EnginePrograms => {
    const programs = traced.get(context) ?? tracePrograms(model, { ...options, context }, formats)
    traced.set(context, programs)
    return programs
  }
  let refusal: unknown
  for (const hold of waysToHold(wish, programsFor(present(contexts[0], 'context')))) {
    for (const context of contexts) {
      const programs = programsFor(context)
      try {
        return await use({ programs, ...hold(programs.programs) })
      } catch (error) {
        if (!(error instanceof PocketPhiError) || error.code !== 'out-of-memory') throw error
        refusal = error
      }
    }
  }
  throw refusal
}

/** How the weights can be held, in the order in which that is tried. */
function waysToHold(
  wish: Wish,
  { programs: some }: EnginePrograms,
): readonly ((programs: readonly Program[]) => Holding)[] {
  const { backend, weights, options, limit } = wish
  const whyNot = whyAllAreHeld(some, weights)
  if (options.expertCache !== undefined) {
    if (whyNot !== undefined) throw whyNot
    return [(programs) => fitting(partly(wish, programs, options.expertCache ?? 0), limit)]
  }
  const canRead = backend.withExpertCache !== undefined && whyNot === undefined && limit < Infinity
  const whole = (programs: readonly Program[]): Holding => {
    // A whole plan takes seconds for tens of billions of weights, and is not what will be said.
    if (canRead) checkStored(programs, limit)
    return fitting({ backend, plan: measured(backend, programs, limit) }, limit)
  }
  return canRead ? [whole, (programs) => asMuchAsFits(wish, programs)] : [whole]
}

function fitting(holding: Holding, limit: number): Holding {
  checkMemory(holding.plan, limit)
  return holding
}

/** @throws PocketPhiError `not-supported` on a backend that holds all experts */
function partly({ backend, weights }: Wish, programs: readonly Program[], cacheBytes: number): Holding {
  const holding = backend.withExpertCache?.({ cacheBytes, source: expertSource(weights) })
  if (holding !== undefined) return { backend: holding, plan: holding.measure(programs) }
  throw new PocketPhiError('not-supported', `The backend ${backend.name} holds all experts in memory.`, {
    remedy: 'Use the backend wasm, or leave the cache of experts out.',
  })
}

/** The share of the limit that stays free for the process itself, and for the files that the system keeps. */
const spareShare = 1 / 8

/** As many experts in memory as there is room for. */
function asMuchAsFits(wish: Wish, programs: readonly Program[]): Holding {
  const least = fitting(partly(wish, programs, 0), wish.limit)
  const heldBy = ({ plan }: Holding): number => plan.experts?.held ?? 0
  const most = Math.floor(wish.limit * (1 - spareShare))
  let cacheBytes = most - (least.plan.total - heldBy(least))
  while (cacheBytes > heldBy(least)) {
    const found = partly(wish, programs, cacheBytes)
    const excess = found.plan.total - most
    if (excess <= 0) return found
    cacheBytes -= excess
  }
  return least
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`
}

function tooLarge(limit: number, found: string, cause?: MemoryPlan): PocketPhiError {
  return new PocketPhiError('out-of-memory', 'The model does not fit into memory.', {
    expected: `at most ${gigabytes(limit)}`,
    found,
    remedy: 'Use a smaller context, a cache in fewer bits (kv8, kv4), fewer sequences, or weights of 4 bits.',
    cause,
  })
}

/** Where a backend refuses a single tensor of a model that is far too large anyway, the latter is what is to be said. */
function measured(backend: Backend, programs: readonly Program[], limit: number): MemoryPlan {
  try {
    return backend.measure(programs)
  } catch (error) {
    checkStored(programs, limit)
    throw error
  }
}

function checkStored(programs: readonly Program[], limit: number): void {
  const stored = [...planStore(programs, Infinity).tensors.values()]
  const bytes = (origin: Origin): number =>
    stored.reduce((sum, tensor) => sum + (tensor.origin === origin ? tensorBytes(tensor.type) : 0), 0)
  const [weights, cache] = [bytes('parameter'), bytes('state')]
  if (weights + cache <= limit) return
  throw tooLarge(limit, `${gigabytes(weights)} of weights and ${gigabytes(cache)} of cache`)
}

function checkMemory(plan: MemoryPlan, limit: number): void {
  if (plan.total <= limit) return
  const { parameters, states, scratch, total, memories } = plan
  const parts = `${gigabytes(parameters)} of weights, ${gigabytes(states)} of cache and ${gigabytes(scratch)} of working memory`
  const where = memories.length === 1 ? '' : `, in ${memories.length} memories`
  throw tooLarge(limit, `${gigabytes(total)}: ${parts}${where}`, plan)
}
