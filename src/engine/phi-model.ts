import type { Execution, ExpertCounters } from '../backends/backend.ts'
import { PocketPhiError } from '../base/errors.ts'
import type { OnProgress } from '../base/progress.ts'
import { blobSource, bytesSource, type ByteSource } from '../formats/source.ts'
import type { MemoryPlan } from '../program/plan.ts'
import type { ChatTemplate } from '../text/templates.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { WriteChunks } from './cache-file.ts'
import { Chat } from './chat.ts'
import type { ChatOptions } from './chat-rules.ts'
import { Generation, type EncodedPrompt, type GenerateOptions } from './generate.ts'
import { encodePictured, type PicturedText } from './picture-text.ts'
import { blindError, Picture } from './pictures.ts'
import { Album, usualTiles, type PictureOptions, type PictureSource } from './album.ts'
import type { SamplingOptions } from './sampling.ts'
import type { EngineCounters } from './counters.ts'
import type { Scheduler } from './scheduler.ts'
import type { Embedding } from './embed.ts'
import type { AdvanceOptions } from './sequence.ts'

/**
 * Text as a string (control tokens that it spells stay plain characters), as typed text with special tokens and pictures, or as ids.
 */
export type Prompt = string | PicturedText | readonly number[]

/** Which logits are computed, and how. */
export interface LogitsOptions {
  /** The first row that is wanted; 0 when left out. Earlier tokens are found in the cache where they can be. */
  readonly from?: number
  /** When to use the long rotary factors (LongRoPE): `long` from the first token on. */
  readonly rope?: 'auto' | 'long'
  /** Ends it at the next segment (about 50 ms) with the error `aborted`. */
  readonly signal?: AbortSignal
  /** Rows computed so far. */
  readonly onProgress?: OnProgress
}

/** What a model is made of. */
export interface PhiModelParts {
  readonly engine: Scheduler
  /** The parsed config.json. */
  readonly config: Readonly<Record<string, unknown>>
  readonly tokenizer: Tokenizer | undefined
  readonly template: ChatTemplate | undefined
  readonly stopIds: readonly number[]
  /** How it answers unless told otherwise. */
  readonly sampling?: SamplingOptions
  /** Why its backend was chosen, where it was not asked for. */
  readonly chosen?: string | undefined
  /** The most tiles that a picture is cut into unless told otherwise. */
  readonly tiles?: number | undefined
}

/** A loaded model. It holds memory and threads until it is disposed. */
export class PhiModel implements AsyncDisposable {
  /**
   * What runs the rows; for servers and tools that schedule sequences themselves.
   *
   * @internal
   */
  readonly engine: Scheduler
  /** The parsed config.json. */
  readonly config: Readonly<Record<string, unknown>>
  /** Ids that end an answer. */
  readonly stopIds: readonly number[]
  /** How it answers unless told otherwise: what generation_config.json says, else the most likely token. */
  readonly sampling: SamplingOptions
  readonly #tokenizer: Tokenizer | undefined
  readonly #template: ChatTemplate | undefined
  readonly #chosen: string | undefined
  readonly #tiles: number
  readonly #album = new Album()

  /** @internal */
  constructor({
    engine,
    config,
    tokenizer,
    template,
    stopIds,
    sampling = {},
    chosen,
    tiles = usualTiles,
  }: PhiModelParts) {
    this.engine = engine
    this.config = config
    this.stopIds = stopIds
    this.sampling = sampling
    this.#tokenizer = tokenizer
    this.#template = template
    this.#chosen = chosen
    this.#tiles = tiles
  }

  /** The name of the backend: `wasm`, `ref` … */
  get backend(): string {
    return this.engine.device.backend
  }

  /** Threads and kernels of the backend, why there are no threads where there could have been, and why it was chosen. */
  get execution(): Execution {
    const { execution } = this.engine.device
    return this.#chosen === undefined ? execution : { ...execution, chosen: this.#chosen }
  }

  /** Bytes that the model takes. */
  get memory(): MemoryPlan {
    return this.engine.device.memory
  }

  /** Whether it can be shown pictures. */
  get sees(): boolean {
    return this.engine.programs.model.vision !== undefined
  }

  /** Tokens that one text may have, prompt and answer together. */
  get context(): number {
    return this.engine.context
  }

  /** Rows computed and reused since the model was loaded. */
  get counters(): Readonly<EngineCounters> {
    return { ...this.engine.counters }
  }

  /** Matrices of experts that were asked for since the model was loaded; undefined where all are in memory, or there are none. */
  get experts(): ExpertCounters | undefined {
    return this.engine.device.experts
  }

  /** @throws PocketPhiError `not-found` when the model came without one */
  get tokenizer(): Tokenizer {
    if (this.#tokenizer !== undefined) return this.#tokenizer
    throw new PocketPhiError('not-found', 'The model has no tokenizer.', {
      expected: 'tokenizer.json beside config.json',
      remedy: 'Add it, or give prompts as token ids.',
    })
  }

  /** How conversations are written for this model. @throws PocketPhiError `not-found` when that is not known */
  get template(): ChatTemplate {
    if (this.#template !== undefined) return this.#template
    throw new PocketPhiError('not-found', 'The model has no chat template.', {
      expected: 'a "chat_template" in tokenizer_config.json, or control tokens of a known family',
      remedy: 'Name one with the option "template", or use generate.',
    })
  }

  /** The name of the chat template, where there is one. */
  get templateName(): string | undefined {
    return this.#template?.name
  }

  /**
   * Continues a prompt.
   *
   * @throws PocketPhiError `context-full` when the prompt leaves no room; `invalid-argument`
   */
  generate(prompt: Prompt, options: GenerateOptions = {}): Generation {
    const { engine, stopIds, sampling } = this
    const host = { engine, stopIds, sampling, tokenizer: this.#tokenizer }
    return new Generation(host, this.#encode(prompt), options)
  }

  /**
   * Takes a picture in, for messages (`Chat.send`) and prompts. It is looked at when a text with it is first read; its `tokens` are
   * known at once. The same pixels are the same picture, as long as one of them is in use.
   *
   * @param source a PNG, JPEG, WebP or GIF file (of one that moves the first frame), or pixels. A file is turned as it says (EXIF).
   * @throws PocketPhiError `not-supported` for a model that cannot see, for more than 2^26 pixels, and in Node for files without the
   * package `sharp`; `invalid-file` for what is no such file or is torn; `invalid-argument`
   */
  async picture(source: PictureSource, options: PictureOptions = {}): Promise<Picture> {
    const { vision, type } = this.engine.programs.model
    if (vision === undefined) throw blindError(type)
    return await this.#album.take(source, options.tiles ?? this.#tiles)
  }

  /** Starts a conversation. */
  chat(options: ChatOptions = {}): Chat {
    const { engine, stopIds, sampling, tokenizer, template } = this
    return new Chat({ engine, stopIds, sampling, tokenizer, template }, options)
  }

  /**
   * Logits of the rows from `from` on: f32[rows * vocabulary], row after row.
   *
   * @throws PocketPhiError `context-full`, `invalid-argument`, `aborted`
   */
  async logits(prompt: Prompt, options: LogitsOptions = {}): Promise<Float32Array> {
    const { ids, pictures } = this.#encode(prompt)
    const { from = 0, rope = 'auto', signal, onProgress } = options
    const width = this.engine.vocabulary
    const sequence = await this.engine.open(ids, { rope, reserve: ids.length, pictures, signal })
    try {
      const logits = new Float32Array(Math.max(0, ids.length - from) * width)
      await sequence.rows(from, (row, values) => logits.set(values, (row - from) * width), { signal, onProgress })
      return logits
    } finally {
      sequence.close()
    }
  }

  /**
   * A vector for each text: the mean of the hidden states behind the last norm over all of its tokens, of length 1, so that the product of
   * two is the cosine between them. Texts are read one after another.
   *
   * @throws PocketPhiError `context-full`, `invalid-argument` (an empty text), `aborted`
   */
  async embed(texts: readonly Prompt[], options: AdvanceOptions = {}): Promise<Embedding[]> {
    const { embedText } = await import('./embed.ts')
    const embeddings: Embedding[] = []
    for (const text of texts) embeddings.push(await embedText(this.engine, this.#encode(text), options))
    return embeddings
  }

  /**
   * Reads a text, as far as it is not in the cache, and gives `write` the bytes of a file with its keys and values (safetensors),
   * chunk by chunk: for `openCache`, in another process too.
   *
   * @throws PocketPhiError `context-full`, `invalid-argument`, `not-supported` (text with pictures), `aborted`; what `write` throws
   */
  async saveCache(prompt: Prompt, write: WriteChunks, { signal, onProgress }: AdvanceOptions = {}): Promise<void> {
    // Few texts are saved, so that what does it is loaded then.
    const { readAndSave } = await import('./cache-file.ts')
    await readAndSave(this.engine, this.#encode(prompt), write, { signal, onProgress })
  }

  /**
   * Opens what `saveCache` gave, of a prompt or of a conversation: texts that begin as the saved one do not have to be read again. Resolves
   * to the ids of that text. Nothing of a file that cannot be used is taken.
   *
   * @throws PocketPhiError `invalid-file` for a file that is torn or was altered, or is of another model, cache type or mode; `context-full`, `aborted`
   */
  async openCache(
    file: Uint8Array | Blob | ByteSource,
    options: Pick<AdvanceOptions, 'signal'> = {},
  ): Promise<readonly number[]> {
    const source = file instanceof Blob ? blobSource(file) : file instanceof Uint8Array ? bytesSource(file) : file
    const { openCache } = await import('./cache-file.ts')
    return await openCache(this.engine, source, options)
  }

  /** Ends what is going on and frees memory and threads. */
  dispose(): Promise<void> {
    return this.engine.dispose()
  }

  /** The same as `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  #encode(prompt: Prompt): EncodedPrompt {
    if (isIds(prompt)) return { ids: prompt, pictures: [] }
    if (typeof prompt === 'string') return { ids: this.tokenizer.encode(prompt), pictures: [] }
    return { ids: encodePictured(this.tokenizer, prompt), pictures: prompt.filter((part) => part instanceof Picture) }
  }
}

function isIds(prompt: Prompt): prompt is readonly number[] {
  return typeof prompt !== 'string' && prompt.every((item) => typeof item === 'number')
}
