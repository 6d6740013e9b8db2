import { isPlace, type BufferId, type Step, type StepProgram, type Word } from './steps.ts'

/** Turns a list of steps into a better one with the same results. */
export type Rewrite = (program: StepProgram) => StepProgram

/** What lowering applies, in order. */
export const rewrites: readonly Rewrite[] = [shareEqualSteps]

/**
 * Kernels that an operation may repeat word for word: the int8 form of an activation that several weights (slabs, or
 * projections that a model keeps apart) multiply, and the gradients of attention, of which two operations ask for a part
 * each. Everything that they write is new and follows from what they read.
 */
const shared: ReadonlySet<string> = new Set(['quantizeRows', 'attentionGradient'])

function renamed(step: Step, names: ReadonlyMap<BufferId, BufferId>): Step {
  const rename = (buffer: BufferId): BufferId => names.get(buffer) ?? buffer
  return {
    ...step,
    words: step.words.map((word): Word => (isPlace(word) ? { ...word, buffer: rename(word.buffer) } : word)),
    reads: step.reads.map(rename),
    writes: step.writes.map(rename),
  }
}

/** Equal for steps that compute the same from the same buffers. */
function keyOf(step: Step): string {
  const results = new Set(step.writes)
  const words = step.words.map((word) => (isPlace(word) && results.has(word.buffer) ? { result: word.offset } : word))
  return JSON.stringify([step.kernel, words])
}

/**
 * Drops a step where an earlier one has computed the same, of buffers that nothing has written since; its results are then
 * those of the earlier.
 */
export function shareEqualSteps(program: StepProgram): StepProgram {
  const names = new Map<BufferId, BufferId>()
  const known = new Map<string, Step>()
  const steps: Step[] = []
  for (const original of program.steps) {
    const step = names.size === 0 ? original : renamed(original, names)
    for (const [key, { reads }] of known) if (step.writes.some((buffer) => reads.includes(buffer))) known.delete(key)
    const key = shared.has(step.kernel) ? keyOf(step) : ''
    const earlier = known.get(key)
    if (earlier === undefined) {
      steps.push(step)
      if (shared.has(step.kernel)) known.set(key, step)
    } else {
      step.writes.forEach((buffer, index) => names.set(buffer, earlier.writes[index] ?? buffer))
    }
  }
  const outputs = program.outputs.map(({ name, pieces }) => ({
    name,
    pieces: pieces.map(({ buffer, count }) => ({ buffer: names.get(buffer) ?? buffer, count })),
  }))
  return { ...program, steps, outputs }
}
