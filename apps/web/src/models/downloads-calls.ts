/** What the worker that downloads models is asked, and answers. */
import type { Call, MeasuredMemory, Progress } from 'pocket-phi/worker'
import type { HubModel } from './downloads.ts'
import type { StoredModel } from './stored.ts'

/** A model on the hub with the memory that it will take here. */
export interface InspectedModel extends HubModel {
  readonly memory: MeasuredMemory
}

export interface DownloadCalls {
  readonly inspect: Call<{ readonly name: string }, InspectedModel, Progress>
  readonly download: Call<{ readonly name: string }, StoredModel, Progress>
  readonly remove: Call<{ readonly name: string }, void>
}
