/** Logits that are never all there at once. */
import type { BufferId } from '../operands.ts'
import { isPlace, numberAt, placeAt, usersOf, type Step, type StepProgram, type Word } from './steps.ts'

/**
 * Rows of logits at a time: fewer would have the weights packed too often, more would not stay in the processor's cache. A multiple of the
 * blocks of k that products are summed in (blockK in kernels/matmul.ts), or sums over rows would be cut elsewhere and have other bits.
 */
const blockRows = 512
/** A last block of fewer rows joins the one before: kernels compute very few rows in another order. */
const fewestRows = 96

/** How a step is cut: the word that counts what runs along the rows of the logits, and what its operands move for each. */
interface Cut {
  readonly count: number
  /** By word of an address: bytes for each row. */
  readonly strides: Readonly<Record<number, number>>
  /** The word that says whether a product is added to what is there, where rows are summed up. */
  readonly accumulates?: number
}

/** How the steps around the loss are cut along the rows of logits, by what they do with them. */
const cuts: Readonly<Record<string, (step: Step) => Cut>> = {
  logits: (step) => ({ count: 3, strides: { 0: 4 * numberAt(step, 6), 2: 4 * numberAt(step, 8) } }),
  crossEntropy: (step) => ({ count: 4, strides: { 0: 4 * numberAt(step, 5), 1: 4, 2: 4, 3: 4 } }),
  crossEntropyGradient: (step) => {
    const row = 4 * numberAt(step, 6)
    return { count: 5, strides: { 0: row, 1: 4, 2: 4, 3: 4, 4: row } }
  },
  towardsInput: (step) => ({ count: 3, strides: { 0: 4 * numberAt(step, 6), 2: 4 * numberAt(step, 8) } }),
  towardsWeight: (step) => ({
    count: 5,
    strides: { 0: 4 * numberAt(step, 6), 1: 4 * numberAt(step, 7) },
    accumulates: 11,
  }),
}

/** The role of a step that reads or writes logits or their gradient; undefined for one that cannot be cut by rows. */
function roleOf(step: Step, logits: BufferId, gradient: BufferId | undefined): string | undefined {
  const { kernel, words, writes } = step
  if (kernel !== 'matmul') return kernel in cuts ? kernel : undefined
  if (words[9] === 0 && writes.includes(logits)) return words[11] === 0 ? 'logits' : undefined
  if (gradient === undefined || placeAt(step, 0)?.buffer !== gradient) return undefined
  if (words[9] === 0) return words[11] === 0 ? 'towardsInput' : undefined
  return words[10] === 0 ? 'towardsWeight' : undefined
}

/** The steps from the logits of a loss to its derivatives, by index in the program. */
interface Loss {
  readonly members: ReadonlyMap<number, string>
  readonly logits: BufferId
  readonly gradient: BufferId | undefined
  readonly rows: number
}

function findLoss(program: StepProgram): Loss | undefined {
  const { steps, buffers } = program
  const [loss, ...others] = steps.filter(({ kernel }) => kernel === 'crossEntropy')
  const logits = loss === undefined ? undefined : placeAt(loss, 0)?.buffer
  if (loss === undefined || logits === undefined || others.length > 0) return undefined
  const users = usersOf(program)
  const readsLogits = (step: Step): boolean => placeAt(step, 0)?.buffer === logits
  const gradientStep = steps.find((step) => step.kernel === 'crossEntropyGradient' && readsLogits(step))
  const gradient = gradientStep?.writes[0]
  const indices = [logits, ...(gradient === undefined ? [] : [gradient])].flatMap((buffer) => users.get(buffer) ?? [])
  const members = new Map<number, string>()
  for (const index of new Set(indices.toSorted((a, b) => a - b))) {
    const step = steps[index]
    const role = step === undefined ? undefined : roleOf(step, logits, gradient)
    if (role === undefined) return undefined
    members.set(index, role)
  }
  const roles = [...members.values()]
  const isWhole = roles[0] === 'logits' && new Set(roles).size === roles.length
  if (
    !isWhole ||
    [logits, gradient].some((buffer) => buffer !== undefined && buffers[buffer]?.source.kind !== 'scratch')
  ) {
    return undefined
  }
  return { members, logits, gradient, rows: numberAt(loss, 4) }
}

/**
 * The steps between the members that they wait for, and the others, which come after them; undefined where that is another
 * order for something: a step waits for a member and is waited for by another, or touches what outlives the program.
 */
function partBetween({ steps, buffers }: StepProgram, members: ReadonlyMap<number, string>) {
  const [first, last] = [Math.min(...members.keys()), Math.max(...members.keys())]
  const between = steps.map((_, index) => index).filter((index) => index > first && index < last && !members.has(index))
  const made = new Set([...members.keys()].flatMap((index) => steps[index]?.writes ?? []))
  const wanted = new Set([...members.keys()].flatMap((index) => steps[index]?.reads ?? []))
  const outlives = (buffer: BufferId): boolean => buffers[buffer]?.source.kind !== 'scratch'
  const before: number[] = []
  for (const index of between.toReversed()) {
    const { reads = [], writes = [] } = steps[index] ?? {}
    const waits = reads.filter((buffer) => made.has(buffer))
    if (writes.some(outlives) || waits.some(outlives)) return undefined
    if (!writes.some((buffer) => wanted.has(buffer))) continue
    if (waits.length > 0) return undefined
    reads.forEach((buffer) => wanted.add(buffer))
    before.unshift(index)
  }
  return { first, last, before, after: between.filter((index) => !before.includes(index)) }
}

/**
 * Takes the way from logits to their derivatives in blocks of rows, one after the other: the logits of a whole batch, often
 * the largest matrix of a training step, are never in memory, nor is their gradient, which takes the place of the block's logits.
 * The same bits: rows do not depend on each other, and sums over rows go on where the block before has stopped.
 */
export function blockLoss(program: StepProgram): StepProgram {
  const loss = findLoss(program)
  const parts = loss === undefined || loss.rows < 2 * blockRows ? undefined : partBetween(program, loss.members)
  if (loss === undefined || parts === undefined) return program
  const { steps } = program
  const pick = (indices: readonly number[]): Step[] => indices.flatMap((index) => steps[index] ?? [])
  const blocks: Step[] = []
  for (let from = 0; from < loss.rows;) {
    const count = loss.rows - from < blockRows + fewestRows ? loss.rows - from : blockRows
    for (const [index, role] of loss.members) {
      const step = steps[index]
      if (step !== undefined) blocks.push(blockOf(step, role, from, count, loss))
    }
    from += count
  }
  const rowBytes = (program.buffers[loss.logits]?.bytes ?? 0) / loss.rows
  const largest = Math.min(loss.rows, blockRows + fewestRows)
  const buffers = program.buffers.map((buffer, id) =>
    id === loss.logits ? { ...buffer, bytes: rowBytes * largest } : buffer,
  )
  return {
    ...program,
    buffers,
    steps: [
      ...steps.slice(0, parts.first),
      ...pick(parts.before),
      ...blocks,
      ...pick(parts.after),
      ...steps.slice(parts.last + 1),
    ],
  }
}

function blockOf(step: Step, role: string, from: number, count: number, { logits, gradient, rows }: Loss): Step {
  const cut = cuts[role]?.(step)
  if (cut === undefined) throw new Error(`defect: ${role} is not cut by rows`)
  const renamed = (buffer: BufferId): BufferId => (buffer === gradient ? logits : buffer)
  const words = step.words.map((word, index): Word => {
    if (index === cut.count) return count
    if (index === cut.accumulates) return from > 0 ? 1 : word
    if (!isPlace(word)) return word
    const buffer = renamed(word.buffer)
    return { buffer, offset: word.offset + (buffer === logits ? 0 : from * (cut.strides[index] ?? 0)) }
  })
  const addsUp = cut.accumulates !== undefined && from > 0
  const reads = new Set([...step.reads, ...(addsUp ? step.writes : [])].map(renamed))
  return {
    ...step,
    words,
    reads: [...reads],
    writes: step.writes.map(renamed),
    cost: (step.cost * count) / rows,
  }
}
