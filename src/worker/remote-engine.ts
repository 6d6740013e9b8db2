/** The engine on the other side of a port. */
import { PocketPhiError } from '../base/errors.ts'
import type { LoadModelOptions } from '../engine/load-model.ts'
import { Caller, type CallOptions, type MessageEnd } from './calls.ts'
import type { EngineCalls, LoadNews, MeasuredMemory, RemoteSource, SentLoadOptions } from './messages.ts'
import { RemoteModel } from './remote-model.ts'
import { sentLoadOptions, sentSource } from './sent.ts'

/** The options of `loadModel`; a backend and a template are given by name. */
export interface RemoteLoadOptions
  extends SentLoadOptions, Pick<LoadModelOptions, 'onPlan' | 'onProgress' | 'signal'> {}

/** Milliseconds that the other side has to free its models; one that hangs is let go of without that. */
const disposePatience = 3000

/** Loads models on the other side. It holds the port until it is disposed. */
export class RemoteEngine implements AsyncDisposable {
  readonly #caller: Caller<EngineCalls>
  readonly #end: () => void
  #models = 0
  #disposed: Promise<void> | undefined

  /**
   * @param end lets go of the other side
   * @internal
   */
  constructor(port: MessageEnd, end: () => void = () => {}) {
    this.#caller = new Caller<EngineCalls>(port)
    this.#end = end
  }

  /**
   * Loads a model, as `loadModel` does.
   *
   * @throws PocketPhiError as `loadModel`; `device-lost` when the other side is gone
   */
  async loadModel(source: RemoteSource, options: RemoteLoadOptions = {}): Promise<RemoteModel> {
    const model = ++this.#models
    const input = { model, source: sentSource(source), options: sentLoadOptions(options) }
    const facts = await this.#caller.call('load', input, listening(options))
    return new RemoteModel(this.#caller, model, facts)
  }

  /** The memory that `loadModel` would take, as `measureModel` says. @throws PocketPhiError as `measureModel` */
  async measureModel(source: RemoteSource, options: RemoteLoadOptions = {}): Promise<MeasuredMemory> {
    const input = { source: sentSource(source), options: sentLoadOptions(options) }
    return await this.#caller.call('measure', input, { signal: options.signal })
  }

  /** Ends what is going on, frees all models and lets go of the other side. */
  dispose(): Promise<void> {
    return (this.#disposed ??= this.#dispose())
  }

  async #dispose(): Promise<void> {
    const tooLong = Promise.withResolvers<void>()
    const timer = setTimeout(tooLong.resolve, disposePatience)
    try {
      await Promise.race([this.#caller.call('disposeAll', undefined), tooLong.promise])
    } catch (error) {
      // Where the other side is gone nothing is left to be freed.
      if (!(error instanceof PocketPhiError && error.code === 'device-lost')) throw error
    } finally {
      clearTimeout(timer)
      this.#caller.close(new PocketPhiError('aborted', 'The engine was disposed of.', { remedy: 'Start another one.' }))
      this.#end()
    }
  }

  /** The same as `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  /** The other side is gone: everything that waits for it is told so. */
  lose(found: string): void {
    const remedy = 'Start the engine again; a smaller model or a shorter context takes less memory.'
    this.#caller.close(new PocketPhiError('device-lost', 'The worker of the engine has died.', { found, remedy }))
  }
}

function listening({ onPlan, onProgress, signal }: RemoteLoadOptions): CallOptions<LoadNews> {
  return {
    signal,
    onNews: (news) => {
      if (news.kind === 'plan') onPlan?.(news.plan)
      if (news.kind === 'progress') onProgress?.(news.progress)
    },
  }
}
