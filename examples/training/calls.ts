import type { Conversation, TunedModel, TuneProgress } from 'pocket-phi/tune'

/** What the page asks of its worker. */
export interface TuningCalls {
  readonly tune: {
    readonly takes: {
      /** The whole address of a folder. */
      readonly model: string
      readonly conversations: readonly Conversation[]
      readonly steps: number
    }
    readonly news: TuneProgress
    readonly gives: TunedModel
  }
}
