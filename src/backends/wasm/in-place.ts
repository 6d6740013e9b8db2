/** Results that take the place of what is read for the last time. */
import type { BufferId } from '../operands.ts'
import { outputsIn } from '../outputs.ts'
import { isPlace, placeAt, usersOf, type Step, type StepProgram, type Word } from './steps.ts'

/** Which operands a kernel may overwrite with its result, by their words, the better one first, and the word of the result. */
const places: Readonly<
  Record<string, (step: Step) => { readonly operands: readonly number[]; readonly result: number }>
> = {
  add: () => ({ operands: [0, 1], result: 2 }),
  addBias: () => ({ operands: [0], result: 2 }),
  siluMultiplyGradient: ({ words }) => ({ operands: Number(words[4]) % 4 === 0 ? [0] : [], result: 2 }),
}

/** The buffer that an address is the beginning of. */
function bufferAt(step: Step, index: number): BufferId | undefined {
  const place = placeAt(step, index)
  return place?.offset === 0 ? place.buffer : undefined
}

/**
 * Lets a result take the place of an operand that nothing reads afterwards: the processor then does not fetch the memory of
 * the result before it is overwritten, and the step touches less of it.
 */
export function overwriteOperands(program: StepProgram): StepProgram {
  const users = usersOf(program)
  const firstUse = new Map([...users].map(([buffer, steps]) => [buffer, steps[0]]))
  const lastUse = new Map([...users].map(([buffer, steps]) => [buffer, steps.at(-1)]))
  const names = new Map<BufferId, BufferId>()
  const renamed = (buffer: BufferId): BufferId => names.get(buffer) ?? buffer
  const isScratch = (buffer: BufferId): boolean => program.buffers[buffer]?.source.kind === 'scratch'
  const bytes = (buffer: BufferId): number | undefined => program.buffers[buffer]?.bytes

  const take = (step: Step, index: number): void => {
    const place = places[step.kernel]?.(step)
    const target = place === undefined ? undefined : bufferAt(step, place.result)
    if (place === undefined || target === undefined || !isScratch(target) || firstUse.get(target) !== index) return
    for (const operand of place.operands) {
      const read = bufferAt(step, operand)
      const source = read === undefined ? undefined : renamed(read)
      if (source === undefined || !isScratch(source) || lastUse.get(source) !== index) continue
      if (bytes(source) !== bytes(target)) continue
      names.set(target, source)
      lastUse.set(source, lastUse.get(target))
      return
    }
  }

  const steps = program.steps.map((step, index): Step => {
    take(step, index)
    return {
      ...step,
      words: step.words.map((word): Word => (isPlace(word) ? { ...word, buffer: renamed(word.buffer) } : word)),
      reads: step.reads.map(renamed),
      writes: step.writes.map(renamed),
    }
  })
  const outputs = outputsIn(program.outputs, renamed)
  return { ...program, steps, outputs }
}
