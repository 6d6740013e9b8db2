import type { ChatOptions } from '../engine/chat-rules.ts'
import type { PictureSource } from '../engine/album.ts'
import type { EngineCounters } from '../engine/counters.ts'
import type { Embedding } from '../engine/embed.ts'
import type { Caller } from './calls.ts'
import type { EngineCalls, ModelFacts } from './messages.ts'
import { RemoteChat } from './remote-chat.ts'
import { RemotePicture, sentPrompt, type RemotePictureOptions, type RemotePrompt } from './remote-picture.ts'
import { RemoteGeneration, type RemoteGenerateOptions } from './remote-generation.ts'
import { sentGenerateOptions } from './sent.ts'

/** A model that was loaded on the other side, as `PhiModel`. It holds memory and threads there until it is disposed. */
export class RemoteModel implements ModelFacts, AsyncDisposable {
  readonly backend: ModelFacts['backend']
  readonly execution: ModelFacts['execution']
  readonly memory: ModelFacts['memory']
  readonly sees: ModelFacts['sees']
  readonly context: ModelFacts['context']
  readonly config: ModelFacts['config']
  readonly templateName: ModelFacts['templateName']
  readonly stopIds: ModelFacts['stopIds']
  readonly sampling: ModelFacts['sampling']
  readonly #caller: Caller<EngineCalls>
  readonly #model: number

  /** @internal */
  constructor(caller: Caller<EngineCalls>, model: number, facts: ModelFacts) {
    this.backend = facts.backend
    this.execution = facts.execution
    this.memory = facts.memory
    this.sees = facts.sees
    this.context = facts.context
    this.config = facts.config
    this.templateName = facts.templateName
    this.stopIds = facts.stopIds
    this.sampling = facts.sampling
    this.#caller = caller
    this.#model = model
  }

  /** Rows computed and reused since the model was loaded. */
  async counters(): Promise<EngineCounters> {
    return await this.#caller.call('counters', { model: this.#model })
  }

  /** Tokens that a text takes, without those that a template adds. */
  async countTokens(text: string): Promise<number> {
    return await this.#caller.call('countTokens', { model: this.#model, text })
  }

  /** Continues a prompt. What `PhiModel.generate` throws at once is thrown when the answer is read. */
  generate(prompt: RemotePrompt, options: RemoteGenerateOptions = {}): RemoteGeneration {
    const input = { model: this.#model, prompt: sentPrompt(prompt), options: sentGenerateOptions(options) }
    return new RemoteGeneration((callOptions) => this.#caller.call('generate', input, callOptions), options)
  }

  /** Makes vectors of texts, as `PhiModel.embed`. @throws PocketPhiError as it does */
  async embed(
    texts: readonly RemotePrompt[],
    { signal, onProgress }: Pick<RemoteGenerateOptions, 'signal' | 'onProgress'> = {},
  ): Promise<readonly Embedding[]> {
    const input = { model: this.#model, texts: texts.map(sentPrompt) }
    return await this.#caller.call('embed', input, { signal, ...(onProgress && { onNews: onProgress }) })
  }

  /**
   * Takes a picture in, as `PhiModel.picture`: what it costs in tokens is known before it is shown in a message. A Blob is not copied.
   *
   * @throws PocketPhiError as `PhiModel.picture`
   */
  async picture(source: PictureSource, options: RemotePictureOptions = {}): Promise<RemotePicture> {
    return await RemotePicture.open(this.#caller, this.#model, source, options)
  }

  /** Starts a conversation. */
  chat(options: ChatOptions<RemotePicture> = {}): RemoteChat {
    return new RemoteChat(this.#caller, this.#model, options)
  }

  /** Ends what is going on and frees memory and threads. */
  async dispose(): Promise<void> {
    await this.#caller.call('disposeModel', { model: this.#model })
  }

  /** The same as `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}
