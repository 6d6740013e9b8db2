/** How far a long piece of work has come; what every long operation of this package reports. */
export interface Progress {
  /** What is going on, as a short phrase: "loading weights". */
  readonly stage: string
  /** So much of `total`, in `unit`. */
  readonly done: number
  readonly total: number
  readonly unit: 'bytes' | 'tiles' | 'tokens' | 'steps' | 'rows' | 'tensors' | 'documents' | 'pairs'
}

/** Hears how far something is. What it throws ends the work. */
export type OnProgress = (progress: Progress) => void
