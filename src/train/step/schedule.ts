/** The learning rate over a run: linear warm-up to the peak, then a decay to a share of it. */
export interface Schedule {
  readonly peak: number
  readonly warmupSteps: number
  /** Steps of the whole run. */
  readonly steps: number
  /** `constant` holds the peak; `linear` and `cosine` fall to `floor`; `trapezoid` holds, then falls linearly. */
  readonly decay: 'constant' | 'linear' | 'cosine' | 'trapezoid'
  /** The share of the peak at the end. */
  readonly floor: number
  /** The share of the steps after which `trapezoid` begins to fall. */
  readonly hold: number
}

/** The learning rate of step `step`, counted from 0. */
export function learningRate(schedule: Schedule, step: number): number {
  const { peak, warmupSteps, steps, decay, floor, hold } = schedule
  if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps
  const done = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps))
  switch (decay) {
    case 'constant':
      return peak
    case 'linear':
      return peak * (1 - (1 - floor) * done)
    case 'cosine':
      return peak * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * done)))
    case 'trapezoid':
      return done < hold ? peak : peak * (1 - (1 - floor) * ((done - hold) / (1 - hold)))
  }
}
