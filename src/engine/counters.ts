/** What an engine has done so far; differences of these are what tests and reports look at. */
export interface EngineCounters {
  /** Runs of a pass. */
  runs: number
  /** Passes that began before the token of their row was read, those that came to nothing included. */
  runsAhead: number
  /** Rows computed for sequences. */
  rows: number
  /** Rows that filled up a bucket. */
  paddingRows: number
  /** Rows that were found in the cache instead of being computed. */
  reusedRows: number
  /** Rows computed a second time because a sequence outgrew the original context (LongRoPE). */
  recomputedRows: number
  copiedPages: number
}

export function noCounts(): EngineCounters {
  return {
    runs: 0,
    runsAhead: 0,
    rows: 0,
    paddingRows: 0,
    reusedRows: 0,
    recomputedRows: 0,
    copiedPages: 0,
  }
}
