import { present } from '../../base/errors.ts'
import type { Kernel, WalkPlan } from './control.ts'
import type { Layout } from './layout.ts'

/** Walks the steps of laid-out programs. */
export interface Runner {
  /**
   * Runs the steps [from, to) of a program.
   * @throws PocketPhiError `device-lost` when a kernel or a thread failed; every later call fails as well.
   */
  run(program: number, from: number, to: number): Promise<void>
  /** Called around the segments of one run of a program. */
  begin(program: number): void
  /** `completed` is false for a run that was aborted or failed, from whose duration nothing is to be learnt. */
  end(completed: boolean): void
  dispose(): Promise<void>
}

/** Everything a thread needs to walk, by number. */
export interface Score {
  readonly kernels: readonly string[]
  readonly plans: readonly WalkPlan[]
}

export function scoreOf(layout: Layout): Score {
  const kernels = [
    ...new Set(layout.programs.flatMap(({ program }) => program.steps.map((step) => step.kernel))),
  ].sort()
  const numbers = new Map(kernels.map((name, index) => [name, index]))
  const plans = layout.programs.map(({ program, blocks, barriers }) => ({
    kernels: Int32Array.from(program.steps, (step) => present(numbers.get(step.kernel), step.kernel)),
    blocks: Int32Array.from(blocks),
    barriers: Uint8Array.from(barriers, Number),
  }))
  return { kernels, plans }
}

/** The kernels of an instance, in the order of their numbers. */
export function kernelsOf(instance: WebAssembly.Instance, names: readonly string[]): Kernel[] {
  return names.map((name) => instance.exports[name] as Kernel)
}
