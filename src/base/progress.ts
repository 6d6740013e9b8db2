/** How far a long piece of work has come; what every long operation of this package reports. */
export interface Progress {
  /** What is going on, as a short phrase: "loading weights". */
  readonly stage: string
  readonly done: number
  readonly total: number
  readonly unit: 'bytes' | 'tiles' | 'tokens' | 'steps' | 'rows' | 'tensors' | 'documents' | 'pairs'
}

export type OnProgress = (progress: Progress) => void
