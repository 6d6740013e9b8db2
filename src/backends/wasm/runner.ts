import { present } from '../../base/errors.ts'
import type { Kernel, WalkPlan } from './control.ts'
import type { Layout, ProgramLayout } from './layout.ts'
import { locate, type Location } from './location.ts'
import type { Place } from '../operands.ts'
import { timed, type ThreadTimes } from './timed.ts'
import { copyBetweenMemories, isPlace, type Step } from './steps.ts'

/** Walks the steps of laid-out programs. */
export interface Runner {
  /**
   * Runs the steps [from, to) of a program.
   * @throws PocketPhiError `device-lost` when a kernel or a thread failed; every later call fails as well.
   */
  run(program: number, from: number, to: number): Promise<void>
  /** Called around the segments of one run of a program. */
  begin(program: number): void
  /**
   * `completed` is false for a run that was aborted or failed, from whose duration nothing is to be learnt. Of the duration, `waited` milliseconds
   * were spent without a step that could run.
   */
  end(completed: boolean, waited: number): void
  dispose(): Promise<void>
}

/** A copy from one memory into another. */
interface MemoryCopy {
  readonly from: Location
  readonly to: Location
  readonly bytes: number
}

/**
 * Everything a thread needs to walk. Plans say by number what a step calls: the kernels in the first memory, those in the
 * second and so on, then the copies.
 */
export interface Score {
  readonly kernels: readonly string[]
  readonly copies: readonly MemoryCopy[]
  readonly plans: readonly WalkPlan[]
}

/** What threads need of a layout to walk its plans: plain data that goes to each of them once. */
export function scoreOf(layout: Layout): Score {
  const steps = layout.programs.flatMap(({ program }) => program.steps)
  const kernels = [...new Set(steps.map((step) => step.kernel))].filter((name) => name !== copyBetweenMemories).sort()
  const numbers = new Map(kernels.map((name, index) => [name, index]))
  const copies: MemoryCopy[] = []
  const plans = layout.programs.map((laidOut) => ({
    kernels: Int32Array.from(laidOut.program.steps, (step, index) => {
      if (step.kernel !== copyBetweenMemories) {
        return (
          present(laidOut.stepMemories[index], 'memory') * kernels.length + present(numbers.get(step.kernel), 'kernel')
        )
      }
      copies.push(copyOf(step, laidOut))
      return layout.memories.length * kernels.length + copies.length - 1
    }),
    blocks: Int32Array.from(laidOut.blocks),
    barriers: Uint8Array.from(laidOut.barriers, Number),
  }))
  return { kernels, copies, plans }
}

function copyOf({ words }: Step, layout: ProgramLayout): MemoryCopy {
  const [from, to, bytes] = words
  if (from === undefined || to === undefined || !isPlace(from) || !isPlace(to) || typeof bytes !== 'number') {
    throw new Error('defect: a copy without places')
  }
  const byteAt = ({ buffer, offset }: Place): Location => {
    const { memory, address } = locate(layout, buffer)
    return { memory, address: address + offset }
  }
  return { from: byteAt(from), to: byteAt(to), bytes }
}

/** What the numbers in plans stand for, in this thread. @param times where it notes them, if it is to be profiled */
export function callsOf(
  module: WebAssembly.Module,
  memories: readonly WebAssembly.Memory[],
  { kernels, copies }: Pick<Score, 'kernels' | 'copies'>,
  times?: ThreadTimes,
): Kernel[] {
  const inMemories = memories.flatMap((memory) =>
    kernelsOf(new WebAssembly.Instance(module, { env: { memory } }), kernels),
  )
  const bytesAt = ({ memory, address }: Location, bytes: number): Uint8Array =>
    new Uint8Array(present(memories[memory], 'memory').buffer, address, bytes)
  // The views are made here, so that walking allocates nothing. One thread copies: a hidden state is small.
  const copying = copies.map(({ from, to, bytes }): Kernel => {
    const [source, target] = [bytesAt(from, bytes), bytesAt(to, bytes)]
    return (_block, thread) => {
      if (thread === 0) target.set(source)
    }
  })
  if (times === undefined) return [...inMemories, ...copying]
  return [
    ...inMemories.map((call, number) => timed(call, number % kernels.length, times)),
    ...copying.map((call) => timed(call, kernels.length, times)),
  ]
}

/** The kernels of an instance, in the order of their numbers. */
export function kernelsOf(instance: WebAssembly.Instance, names: readonly string[]): Kernel[] {
  return names.map((name) => instance.exports[name] as Kernel)
}
