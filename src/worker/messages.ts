/** What the two sides of a port say to each other. */
import type { Execution } from '../backends/backend.ts'
import type { Progress } from '../base/progress.ts'
import type { GenerateOptions, GenerationChunk, GenerationResult } from '../engine/generate.ts'
import type { LoadModelOptions } from '../engine/load-model.ts'
import type { Prompt } from '../engine/phi-model.ts'
import type { SamplingOptions } from '../engine/sampling.ts'
import type { EngineCounters } from '../engine/scheduler.ts'
import type { DirectoryHandle } from '../formats/tree.ts'
import type { MemoryPlan } from '../program/plan.ts'
import type { ChatMessage, TemplateName } from '../text/templates.ts'
import type { ErrorData } from './errors.ts'

/** Sources that can be sent: those of `loadModel` but for trees of one's own; a folder is sent by its handle. */
export type RemoteSource =
  | string
  | URL
  | Blob
  | ReadonlyMap<string, Blob | Uint8Array>
  | readonly File[]
  | DirectoryHandle

/** A source as it is sent: an address is whole. */
export type SentSource = Exclude<RemoteSource, URL>

/** What can be sent of the options of `loadModel`: no functions, and a backend by its name. */
export type SentLoadOptions = Omit<
  LoadModelOptions,
  'backend' | 'template' | 'onPlan' | 'onProgress' | 'signal' | 'weightsFile'
> & {
  readonly backend?: Extract<LoadModelOptions['backend'], string>
  readonly template?: TemplateName
  readonly weightsFile?: string
}

/** What can be sent of the options of `generate`. */
export type SentGenerateOptions = Omit<GenerateOptions, 'draft' | 'onProgress' | 'signal'>

/** What is known of a model once it is loaded. */
export interface ModelFacts {
  readonly backend: string
  readonly execution: Execution
  readonly memory: MemoryPlan
  /** Tokens that one text may have, prompt and answer together. */
  readonly context: number
  /** The parsed config.json. */
  readonly config: Readonly<Record<string, unknown>>
  readonly stopIds: readonly number[]
  readonly sampling: SamplingOptions
}

export interface MeasuredMemory extends MemoryPlan {
  readonly contextTokens: number
}

/** An answer that has ended; the messages that had to be left out are those of a conversation. */
export interface SentAnswer {
  readonly result: GenerationResult
  readonly dropped: readonly ChatMessage[]
}

/** The calls by name: what goes there, and what comes back. Models and conversations are numbered by the caller. */
export interface Calls {
  load: { readonly takes: { model: number; source: SentSource; options: SentLoadOptions }; readonly gives: ModelFacts }
  measure: { readonly takes: { source: SentSource; options: SentLoadOptions }; readonly gives: MeasuredMemory }
  counters: { readonly takes: { model: number }; readonly gives: EngineCounters }
  generate: {
    readonly takes: { model: number; prompt: Prompt; options: SentGenerateOptions }
    readonly gives: SentAnswer
  }
  /** `like` is a conversation whose known prefixes are taken over. */
  openChat: { readonly takes: { model: number; chat: number; like?: number }; readonly gives: undefined }
  closeChat: { readonly takes: { chat: number }; readonly gives: undefined }
  answer: {
    readonly takes: { chat: number; messages: readonly ChatMessage[]; options: SentGenerateOptions }
    readonly gives: SentAnswer
  }
  disposeModel: { readonly takes: { model: number }; readonly gives: undefined }
  disposeAll: { readonly takes: undefined; readonly gives: undefined }
}

export type CallName = keyof Calls

/** From the caller. */
export type Order =
  | {
      readonly kind: 'call'
      readonly call: number
      readonly name: CallName
      readonly input: Calls[CallName]['takes']
      /** Whether it was aborted before it was made. */
      readonly aborted: boolean
    }
  | { readonly kind: 'abort'; readonly call: number }

/** What is heard of a call before it ends. */
export type News =
  | { readonly kind: 'chunk'; readonly chunk: GenerationChunk }
  | { readonly kind: 'dropped'; readonly dropped: readonly ChatMessage[] }
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'plan'; readonly plan: MemoryPlan }

/** From the engine. */
export type Report =
  | { readonly kind: 'news'; readonly call: number; readonly news: News }
  | { readonly kind: 'done'; readonly call: number; readonly output: unknown }
  | { readonly kind: 'failed'; readonly call: number; readonly error: ErrorData }

/** One end of a channel: a MessagePort, a Worker, or the scope of a worker. */
export interface MessageEnd {
  postMessage(message: unknown): void
  addEventListener(kind: 'message', listener: (event: MessageEvent) => void): void
  removeEventListener(kind: 'message', listener: (event: MessageEvent) => void): void
  /** Of a MessagePort. */
  start?(): void
}
