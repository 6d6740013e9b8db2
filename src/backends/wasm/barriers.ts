/** Where threads must wait for each other. */

/** Bytes [start, end) that a step touches. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface StepSpans {
  readonly reads: readonly Span[]
  readonly writes: readonly Span[]
  /** All of the step's work is done by thread 0, which needs no barrier before another such step. */
  readonly threadZero: boolean
}

function overlap(left: readonly Span[], right: readonly Span[]): boolean {
  return left.some((a) => right.some((b) => a.start < b.end && b.start < a.end))
}

function conflict(before: StepSpans, after: StepSpans): boolean {
  if (before.threadZero && after.threadZero) return false
  return (
    overlap(before.writes, after.writes) || overlap(before.writes, after.reads) || overlap(before.reads, after.writes)
  )
}

/**
 * For every step, whether a barrier must follow it: only before a step that touches what one since the last barrier has
 * written, or writes what one has read. Steps that follow each other without a barrier may run at the same time on
 * different threads.
 */
export function planBarriers(steps: readonly StepSpans[]): boolean[] {
  const after = steps.map(() => false)
  let since: StepSpans[] = []
  steps.forEach((step, index) => {
    if (since.some((earlier) => conflict(earlier, step))) {
      after[index - 1] = true
      since = []
    }
    since.push(step)
  })
  return after
}
