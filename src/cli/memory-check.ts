/** Which contexts of a model a machine can hold, and what is said where it cannot. */
import type { Backend } from '../backends/backend.ts'
import { PocketPhiError } from '../base/errors.ts'
import { formatBytes } from '../base/units.ts'
import { measureCheckpoint, type LoadOptions } from '../engine/load.ts'
import type { MachineMemory } from '../engine/machine-memory.ts'
import { openModelFiles } from '../engine/model-files.ts'
import type { FileTree } from '../formats/tree.ts'
import { modelFromConfig, type ModelShape } from '../models/index.ts'
import { pageSize } from '../program/ops/cache.ts'
import type { MemoryPlan } from '../program/plan.ts'

export interface ContextMemory {
  /** Tokens of prompt and answer together. */
  readonly context: number
  /** In bytes; undefined where the backend refuses so much. */
  readonly plan: MemoryPlan | undefined
  /** Why it does. */
  readonly refusal?: string
}

/** The memory that a context takes. @throws PocketPhiError `out-of-memory` or `not-supported` where the backend refuses it */
export type MeasureContext = (context: number) => Promise<MemoryPlan>

export async function memoryOf(context: number, measure: MeasureContext): Promise<ContextMemory> {
  try {
    return { context, plan: await measure(context) }
  } catch (error) {
    const refuses = error instanceof PocketPhiError && ['out-of-memory', 'not-supported'].includes(error.code)
    if (!refuses) throw error
    return { context, plan: undefined, refusal: error.message }
  }
}

export function fitsInto({ plan }: ContextMemory, bytes: number): boolean {
  return plan !== undefined && plan.total <= bytes
}

/**
 * The largest context, in whole pages of the cache or the longest there is, that takes at most so many bytes; undefined where
 * not even one page fits.
 *
 * @param known contexts that were measured already
 */
export async function largestContext(
  { maxPositions }: Pick<ModelShape, 'maxPositions'>,
  bytes: number,
  known: readonly ContextMemory[],
  measure: MeasureContext,
): Promise<number | undefined> {
  const fits = async (context: number): Promise<boolean> => {
    const found = known.find((memory) => memory.context === context) ?? (await memoryOf(context, measure))
    return fitsInto(found, bytes)
  }
  if (await fits(maxPositions)) return maxPositions
  const fitting = known.filter((memory) => fitsInto(memory, bytes)).map(({ context }) => Math.floor(context / pageSize))
  const tooLarge = known
    .filter((memory) => !fitsInto(memory, bytes))
    .map(({ context }) => Math.ceil(context / pageSize))
  let low = Math.max(0, ...fitting)
  let high = Math.min(Math.ceil(maxPositions / pageSize), ...tooLarge)
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (await fits(middle * pageSize)) low = middle
    else high = middle
  }
  return low === 0 ? undefined : low * pageSize
}

/**
 * What to throw where loading was refused for lack of memory: the plan, what the machine has, and the largest context for which
 * that is enough. Any other error is given back as it is. Reads the configuration and the headers of the weights only.
 *
 * @param error what `loadModel` or `loadCheckpoint` threw with these options
 * @param options as they were given; `memoryLimit` is what the model may take
 * @param machine what this machine has, for the message
 */
export async function explainRefusal(
  error: unknown,
  tree: FileTree,
  backend: Backend,
  options: LoadOptions & { readonly memoryLimit: number },
  machine: MachineMemory | undefined,
): Promise<unknown> {
  if (!(error instanceof PocketPhiError) || error.code !== 'out-of-memory') return error
  const plan = planOf(error)
  const { context, memoryLimit } = options
  // A device that could not be made, although the plan says that there is room, has said what there is to say.
  if (plan !== undefined && plan.total <= memoryLimit) return error
  const { maxPositions } = await shapeOf(tree, options.weightsFile)
  // Refuses what exceeds the limit also with experts that are read when they are chosen.
  const measure: MeasureContext = (asked) => measureCheckpoint(tree, backend, { ...options, context: asked })
  const largest = await largestContext({ maxPositions }, memoryLimit, [], measure)
  if (plan === undefined && largest === maxPositions) return error
  const what = context === undefined ? 'The model' : `The model with a context of ${context} tokens`
  return new PocketPhiError('out-of-memory', `${what} does not fit into memory.`, {
    expected: `at most ${formatBytes(memoryLimit)}${whose(memoryLimit, machine)}`,
    found: plan === undefined ? (error.found ?? 'more') : describePlan(plan),
    remedy:
      largest === undefined
        ? `No context fits: use weights of fewer bits, or ${isOfMachine(memoryLimit, machine) ? 'a machine with more memory' : 'raise the limit'}.`
        : `The largest context for which there is room is ${largest} tokens; ask for it with --context ${largest}.`,
    cause: plan ?? error,
  })
}

function isOfMachine(limit: number, machine: MachineMemory | undefined): machine is MachineMemory {
  return machine !== undefined && machine.available === limit
}

function whose(limit: number, machine: MachineMemory | undefined): string {
  if (!isOfMachine(limit, machine)) return ', the limit that was set'
  return `, which is what is free of the ${formatBytes(machine.total)} of this machine`
}

/** One line for each part. */
function describePlan({ parameters, states, scratch, total, memories }: MemoryPlan): string {
  const parts: readonly (readonly [string, number])[] = [
    ['weights', parameters],
    ['cache', states],
    ['work', scratch],
    ['total', total],
  ]
  const lines = parts.map(([name, bytes]) => `${name.padEnd(8)}${formatBytes(bytes).padStart(8)}`)
  const where = memories.length === 1 ? '' : `, in ${memories.length} memories`
  return `${lines.join('\n')}${where}`
}

/** The plan that a refusal has as its cause, if there is one. */
function planOf({ cause }: PocketPhiError): MemoryPlan | undefined {
  const isPlan = typeof cause === 'object' && cause !== null && 'parameters' in cause && 'scratch' in cause
  return isPlan ? (cause as MemoryPlan) : undefined
}

/** The shape of a model, from its configuration alone. @throws PocketPhiError what opening a model throws */
export async function shapeOf(tree: FileTree, weightsFile: string | undefined): Promise<ModelShape> {
  const files = await openModelFiles(tree, weightsFile)
  try {
    return modelFromConfig(await files.config()).shape
  } finally {
    await files.close()
  }
}
