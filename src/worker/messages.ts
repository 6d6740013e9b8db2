/** What the two sides of a port say to each other. */
import type { Execution } from '../backends/backend.ts'
import type { Progress } from '../base/progress.ts'
import type { GenerateOptions, GenerationChunk, GenerationResult } from '../engine/generate.ts'
import type { LoadModelOptions } from '../engine/load-model.ts'
import type { PictureOptions, PictureSource } from '../engine/album.ts'
import type { PicturedMessage } from '../engine/picture-text.ts'
import type { SamplingOptions } from '../engine/sampling.ts'
import type { EngineCounters } from '../engine/counters.ts'
import type { Embedding } from '../engine/embed.ts'
import type { DirectoryHandle } from '../formats/tree.ts'
import type { MemoryPlan } from '../program/plan.ts'
import type { TemplateName } from '../text/templates.ts'
import type { SpecialToken } from '../text/text.ts'
import type { Call } from './calls.ts'

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
export type SentLoadOptions = Omit<LoadModelOptions, 'backend' | 'template' | 'onPlan' | 'onProgress' | 'signal'> & {
  readonly backend?: Extract<LoadModelOptions['backend'], string>
  readonly template?: TemplateName
}

/** What can be sent of the options of `generate`. */
export type SentGenerateOptions = Omit<GenerateOptions, 'draft' | 'onProgress' | 'signal'>

/** What is known of a model once it is loaded. */
export interface ModelFacts {
  /** Its name: `wasm`, `webgpu` or `ref`. */
  readonly backend: string
  /** How it runs: threads, kernels, and why not otherwise. */
  readonly execution: Execution
  /** What it takes, in bytes. */
  readonly memory: MemoryPlan
  /** Whether it can be shown pictures. */
  readonly sees: boolean
  /** Tokens that one text may have, prompt and answer together. */
  readonly context: number
  /** The parsed config.json. */
  readonly config: Readonly<Record<string, unknown>>
  /** How conversations are written; undefined where that is not known. */
  readonly templateName: string | undefined
  /** Ids that end an answer. */
  readonly stopIds: readonly number[]
  /** How it answers unless told otherwise. */
  readonly sampling: SamplingOptions
}

export interface MeasuredMemory extends MemoryPlan {
  /** Tokens that one text may have, with which this was measured. */
  readonly contextTokens: number
}

/** What is known of a picture once it is taken in. */
export interface PictureFacts {
  /** Pixels of the picture as it was given. */
  readonly width: number
  readonly height: number
  /** Tokens that it takes in a text. */
  readonly tokens: number
}

/** A picture that is on the other side. */
export interface SentPicture {
  readonly kind: 'picture'
  readonly picture: number
}

export type SentMessage = PicturedMessage<SentPicture>

export type SentPrompt = string | readonly (string | SpecialToken | SentPicture)[] | readonly number[]

/** An answer that has ended, and how many of a conversation's oldest messages, but for those of the system, had to be left out. */
export interface SentAnswer {
  readonly result: GenerationResult
  readonly dropped: number
}

/** What is heard of an answer while it is written. */
export type AnswerNews =
  | { readonly kind: 'chunk'; readonly chunk: GenerationChunk }
  | { readonly kind: 'dropped'; readonly dropped: number }
  | { readonly kind: 'progress'; readonly progress: Progress }

/** What is heard of a model while it is loaded. */
export type LoadNews =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'plan'; readonly plan: MemoryPlan }

/** The calls that the side with the engine answers. Models, conversations and pictures are numbered by the caller. */
export interface EngineCalls {
  readonly load: Call<{ model: number; source: SentSource; options: SentLoadOptions }, ModelFacts, LoadNews>
  readonly measure: Call<{ source: SentSource; options: SentLoadOptions }, MeasuredMemory>
  readonly counters: Call<{ model: number }, EngineCounters>
  readonly countTokens: Call<{ model: number; text: string }, number>
  readonly embed: Call<{ model: number; texts: readonly SentPrompt[] }, readonly Embedding[], Progress>
  readonly openPicture: Call<
    { model: number; picture: number; source: PictureSource; options: PictureOptions },
    PictureFacts
  >
  readonly closePicture: Call<{ picture: number }, void>
  readonly generate: Call<{ model: number; prompt: SentPrompt; options: SentGenerateOptions }, SentAnswer, AnswerNews>
  /** `like` is a conversation whose known beginnings are taken over. */
  readonly openChat: Call<{ model: number; chat: number; like?: number }, void>
  readonly closeChat: Call<{ chat: number }, void>
  readonly answer: Call<
    { chat: number; messages: readonly SentMessage[]; options: SentGenerateOptions },
    SentAnswer,
    AnswerNews
  >
  readonly disposeModel: Call<{ model: number }, void>
  readonly disposeAll: Call<void, void>
}
