/** Products that add to a state by themselves. */
import type { BufferId, Place } from '../operands.ts'
import { placeAt, usersOf, type Step, type StepProgram, type Word } from './steps.ts'

/** Words of `matmul`. */
const [product, rows, columns, stride, accumulates] = [2, 3, 4, 8, 11] as const

/** Whether the step makes a matrix of so many elements, row after row, that fills a buffer. */
function makesWhole(step: Step, buffer: BufferId, count: number): boolean {
  const { kernel, words } = step
  if (kernel !== 'matmul' || words[accumulates] !== 0 || words[stride] !== words[columns]) return false
  return Number(words[rows]) * Number(words[columns]) === count && placeAt(step, product)?.buffer === buffer
}

function addingTo(step: Step, state: Place): Step {
  const words = step.words.map((word, index): Word => {
    if (index === product) return state
    return index === accumulates ? 1 : word
  })
  return { ...step, words, reads: [...step.reads, state.buffer], writes: [state.buffer] }
}

/**
 * A product that is only added to a state (the gradient of a weight) adds itself: what would lie between, as large as the
 * weight, is neither written nor read. A state that was zero becomes the same bits; any other is where the chain of
 * multiply-adds begins, instead of what is added at its end.
 */
export function accumulateProducts(program: StepProgram): StepProgram {
  const users = usersOf(program)
  const steps: (Step | undefined)[] = [...program.steps]
  program.steps.forEach((step, index) => {
    const [state, source] = [placeAt(step, 0), placeAt(step, 1)]
    if (step.kernel !== 'accumulate' || state === undefined || source === undefined) return
    const [maker = index, ...readers] = users.get(source.buffer) ?? []
    const making = program.steps[maker]
    if (making === undefined || readers.length !== 1 || !makesWhole(making, source.buffer, Number(step.words[2])))
      return
    if (users.get(state.buffer)?.some((user) => user > maker && user < index)) return
    steps[maker] = addingTo(making, state)
    steps[index] = undefined
  })
  return { ...program, steps: steps.filter((step) => step !== undefined) }
}
