import type { ExpertCounters } from '../backends/backend.ts'
import { PocketPhiError, throwIfAborted } from '../base/errors.ts'
import { linkSignals } from '../base/link-signals.ts'
import type { OnProgress } from '../base/progress.ts'
import { Random } from '../base/random.ts'
import { nextTurn } from '../base/turn.ts'
import type { AnswerFormat, Constraint } from '../grammar/constraint.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { Picture } from './pictures.ts'
import { contextFullError } from './context-full.ts'
import { guessingPays, ModelDrafter, PromptLookup, type DraftModel } from './drafts.ts'
import {
  candidatesAreEnough,
  checkSampling,
  distributionOf,
  distributionOfCandidates,
  draw,
  logProbabilities,
  type ChoiceOptions,
  type Distribution,
  type SamplingOptions,
  type TokenLogProbability,
} from './sampling.ts'
import type { Scheduler } from './scheduler.ts'
import type { AdvanceOptions, Sequence, SequenceOptions } from './sequence.ts'
import { Speculation } from './speculation.ts'
import { StopGate, stopStrings } from './stops.ts'

/** How a text is continued; what is left out is as in `PhiModel.sampling`. */
export interface GenerateOptions extends ChoiceOptions {
  /**
   * For the random draws; a random one when left out. The same seed gives the same text, with any number of threads, given the
   * same state of the cache and no other sequences in the batch. Otherwise rows may be batched in another way, on which
   * the last bits of the logits of f32 models depend, and a choice between nearly equal tokens may fall differently.
   */
  readonly seed?: number
  /** Tokens to generate at most; until the context is full when left out. 0 reads the prompt into the cache only. */
  readonly maxTokens?: number
  /** Texts that end the answer and are not part of it. */
  readonly stop?: string | readonly string[]
  /**
   * What the answer has to be: JSON, JSON by a schema, or a text that matches a regular expression. Tokens that do not fit are not drawn, and
   * the answer ends when nothing can follow. No guesses are made. An answer that ends for another reason than `stop` may be a part only.
   */
  readonly format?: AnswerFormat
  /** Ids that end the answer, instead of the model's own; an empty list for none. */
  readonly stopIds?: readonly number[]
  /** Adds log-probabilities of the chosen tokens, and of this many of the likeliest; of the raw model distribution. */
  readonly logprobs?: number
  /** Special tokens as text where the model writes some that do not end the answer; off by default. */
  readonly showSpecial?: boolean
  /** When to use the long rotary factors (LongRoPE); see `SequenceOptions`. */
  readonly rope?: SequenceOptions['rope']
  /**
   * Guesses tokens that the text has led to before, and computes them together with the next: faster where texts repeat
   * themselves. The answer is the same, to the token. When left out, for models whose weights exceed the caches of processors
   * (`guessingPays`). No guesses are made while other sequences share the batch.
   */
  readonly speculate?: boolean
  /** A smaller model that guesses in place of the text; another vocabulary is refused. The answer is the same. */
  readonly draft?: DraftModel
  /** Ends the answer at the next segment (about 50 ms) with the finish reason `aborted`; what was said so far stays. */
  readonly signal?: AbortSignal
  /** While the prompt is read, and while it is read again when the text outgrows the original context (LongRoPE). */
  readonly onProgress?: OnProgress
}

/** A generated token, its log-probability in the model's own distribution, and the likeliest alternatives. */
export interface GeneratedLogProbability extends TokenLogProbability {
  /** The likeliest tokens at its place, the greatest first; as many as were asked for. */
  readonly top: readonly TokenLogProbability[]
}

/** Text that has become certain, and the tokens that it completes. */
export interface GenerationChunk {
  readonly text: string
  readonly ids: readonly number[]
  /** With the option `logprobs`: one for each id. */
  readonly logprobs?: readonly GeneratedLogProbability[]
}

/**
 * `stop`: a stop id or stop string. `length`: maxTokens. `aborted`: the signal, or a reader that went away.
 * `context-full`: no token fits any more.
 */
export type FinishReason = 'stop' | 'length' | 'aborted' | 'context-full'

/** What an answer took: tokens and times. */
export interface Usage {
  /** Tokens of the prompt, found in the cache or computed. */
  readonly promptTokens: number
  /** Tokens of the prompt that were found in the cache. */
  readonly reusedTokens: number
  /** Tokens that were drawn, a stop id included. */
  readonly generatedTokens: number
  /** Tokens that were guessed, and those of them that were right and came at once with the one before. */
  readonly guessedTokens: number
  readonly acceptedTokens: number
  /** From the start until the first token was known; waiting for other sequences included. */
  readonly promptSeconds: number
  /** From the first token until the last. */
  readonly generationSeconds: number
  /** Of the tokens that had to be computed; 0 where there is no time to measure. */
  readonly promptTokensPerSecond: number
  readonly generatedTokensPerSecond: number
  /** Where not all experts are in memory: what was asked for meanwhile, for sequences that shared the batches too. */
  readonly experts?: ExpertCounters
}

/** A whole answer. */
export interface GenerationResult {
  /** Without the stop string that ended it. */
  readonly text: string
  /** The tokens of the text; neither a stop id nor those of a stop string. */
  readonly ids: readonly number[]
  /** With the option `logprobs`: one for each id. */
  readonly logprobs?: readonly GeneratedLogProbability[]
  /** Why it ended. */
  readonly finish: FinishReason
  /** What stopped it: the stop string, or the spelling of the stop id. */
  readonly stoppedBy?: string
  readonly usage: Usage
  /** To get the same answer again; see `GenerateOptions.seed`. */
  readonly seed: number
}

/** What a generation runs on. */
export interface GenerationHost {
  readonly engine: Scheduler
  readonly tokenizer: Tokenizer | undefined
  readonly stopIds: readonly number[]
  /** For options that are left out. */
  readonly sampling: SamplingOptions
}

/** What is continued. */
export interface EncodedPrompt {
  readonly ids: readonly number[]
  /** Those whose ids are in it. */
  readonly pictures: readonly Picture[]
}

export interface GenerationHooks {
  onStart?(): void
  onEnd?(result: GenerationResult): void
  /** Instead of `onEnd`, when something went wrong; the reader gets the error. */
  onFailure?(): void
}

/** A token whose text has not been let through whole yet. */
interface Pending {
  readonly id: number
  /** Where its text begins and ends in the text decoded so far. */
  readonly start: number
  readonly end: number
  readonly logprob: GeneratedLogProbability | undefined
}

/**
 * An answer while it is written: iterate over its chunks (once), or await `result()`. Nothing is computed before that. A
 * reader that stops early ends the answer and frees its room.
 *
 * An answer that is being read holds its room until it is read to its end or left. With as many of them as `maxSequences`, a
 * further one waits, for ever if it is awaited inside the loop over one of them: load the model with a larger
 * `maxSequences`, or read one answer before the next. A `signal` ends the wait.
 */
export class Generation implements AsyncIterable<GenerationChunk> {
  readonly #chunks: AsyncGenerator<GenerationChunk, void, void>
  readonly #answer: Answer
  #started = false
  /** What went wrong, which whoever asks for the result hears as well. */
  #failure: { readonly error: unknown } | undefined

  /** @internal */
  constructor(host: GenerationHost, prompt: EncodedPrompt, options: GenerateOptions, hooks: GenerationHooks = {}) {
    this.#answer = new Answer(host, prompt, options)
    this.#chunks = this.#run(hooks)
  }

  async *#run(hooks: GenerationHooks): AsyncGenerator<GenerationChunk, void, void> {
    hooks.onStart?.()
    try {
      yield* this.#answer.write()
    } catch (error) {
      this.#failure = { error }
      throw error
    } finally {
      if (this.#failure !== undefined) hooks.onFailure?.()
      else hooks.onEnd?.(this.#answer.result())
    }
  }

  /** The chunks, once. @throws PocketPhiError `invalid-argument` the second time */
  [Symbol.asyncIterator](): AsyncIterator<GenerationChunk, void, void> {
    if (this.#started) throw new PocketPhiError('invalid-argument', 'An answer can be read only once.')
    this.#started = true
    return this.#chunks
  }

  /** Reads what is left and resolves to the whole answer. @throws what reading it threw */
  async result(): Promise<GenerationResult> {
    this.#started = true
    while ((await this.#chunks.next()).done !== true);
    if (this.#failure !== undefined) throw this.#failure.error
    return this.#answer.result()
  }
}

/** One answer: draws tokens, turns them into text, decides when it ends. */
class Answer {
  readonly #host: GenerationHost
  readonly #prompt: readonly number[]
  readonly #pictures: readonly Picture[]
  readonly #options: GenerateOptions
  readonly #seed: number
  readonly #maxTokens: number
  readonly #stopIds: ReadonlySet<number>
  readonly #gate: StopGate
  readonly #pending: Pending[] = []
  #constraint: Constraint | undefined
  /** What the next token is drawn from, where it was asked for already. */
  #next: Promise<Distribution> | undefined
  /** Ends the reading for a token that nobody will get. */
  readonly #left = new AbortController()
  readonly #ids: number[] = []
  readonly #logprobs: GeneratedLogProbability[] = []
  #text = ''
  #decoded = 0
  #drawn = 0
  #guessed = 0
  #accepted = 0
  #reused = 0
  #finish: FinishReason = 'aborted'
  #stopId: number | undefined
  #start = 0
  #first = 0
  #end = 0
  #expertsBefore: ExpertCounters | undefined
  #experts: ExpertCounters | undefined

  constructor(host: GenerationHost, { ids: prompt, pictures }: EncodedPrompt, given: GenerateOptions) {
    const options = { ...host.sampling, ...given }
    checkSampling(options, host.engine.vocabulary)
    const { maxTokens = Infinity, logprobs = 0 } = options
    checkCount('maxTokens', maxTokens)
    checkCount('logprobs', logprobs)
    const { context } = host.engine
    if (prompt.length === 0) throw new PocketPhiError('invalid-argument', 'The prompt is empty.')
    if (prompt.length >= context && maxTokens > 0) {
      throw contextFullError(host.engine.programs, {
        problem: 'The prompt leaves no room for an answer.',
        most: context - 1,
        found: String(prompt.length),
      })
    }
    checkDraft(options.draft, host.engine)
    this.#host = host
    this.#prompt = prompt
    this.#pictures = pictures
    this.#options = options
    this.#maxTokens = maxTokens
    this.#seed = options.seed ?? randomSeed()
    this.#stopIds = new Set(options.stopIds ?? host.stopIds)
    this.#gate = new StopGate(stopStrings(options.stop))
  }

  async *write(): AsyncGenerator<GenerationChunk, void, void> {
    const { signal, rope = 'auto' } = this.#options
    const { engine } = this.#host
    const reserve = Math.min(engine.context, this.#prompt.length + this.#maxTokens)
    this.#start = this.#first = this.#end = performance.now()
    this.#expertsBefore = engine.device.experts
    let sequence: Sequence | undefined
    try {
      this.#constraint = await this.#constrained()
      sequence = await engine.open(this.#prompt, { rope, reserve, pictures: this.#pictures, signal })
      const reading = this.#readingOf(sequence)
      try {
        yield* this.#tokens(sequence, reading)
      } finally {
        this.#left.abort()
        await this.#next?.catch(() => {})
        this.#guessed = reading.guessed
        this.#accepted = reading.accepted
        reading.end()
      }
    } catch (error) {
      if (signal?.aborted !== true || !(error instanceof PocketPhiError) || error.code !== 'aborted') throw error
      this.#finish = 'aborted'
      yield* this.#last()
    } finally {
      sequence?.close()
      this.#end = performance.now()
      this.#experts = engine.device.experts
    }
  }

  /** Loaded where it is asked for: most answers are free. */
  async #constrained(): Promise<Constraint | undefined> {
    const { tokenizer } = this.#host
    const { format } = this.#options
    if (format === undefined) return undefined
    if (tokenizer === undefined) {
      throw new PocketPhiError('not-supported', 'A format needs the tokenizer of the model, which has none.')
    }
    const { Constraint } = await import('../grammar/constraint.ts')
    return new Constraint(format, tokenizer, this.#stopIds, continuesText(tokenizer, this.#prompt))
  }

  #readingOf(sequence: Sequence): Speculation {
    const { engine } = this.#host
    const { draft, format, speculate = draft !== undefined || guessingPays(engine.device) } = this.#options
    const drafter = draft === undefined ? new PromptLookup(engine.vocabulary) : new ModelDrafter(draft)
    const room = (): number => Math.min(this.#maxTokens - this.#drawn - 1, engine.roomForGuesses(sequence))
    return new Speculation(sequence, speculate && format === undefined ? drafter : undefined, room)
  }

  async *#tokens(sequence: Sequence, reading: Speculation): AsyncGenerator<GenerationChunk, void, void> {
    const { engine, tokenizer } = this.#host
    const { signal, logprobs, showSpecial = false } = this.#options
    const random = new Random(this.#seed)
    const decoder = tokenizer?.startDecoding({
      skipSpecial: !showSpecial,
      keepLeadingSpace: continuesText(tokenizer, this.#prompt),
    })
    let finish: FinishReason | undefined
    while (finish === undefined) {
      const distribution = await (this.#next ?? this.#distributionAfter(reading))
      this.#next = undefined
      throwIfAborted(signal)
      if (this.#drawn === 0) {
        this.#first = performance.now()
        this.#reused = sequence.reused ?? 0
      }
      if (this.#maxTokens === 0) {
        finish = 'length'
        break
      }
      const id = draw(distribution, random)
      this.#drawn++
      if (this.#stopIds.has(id)) {
        this.#stopId = id
        finish = 'stop'
        break
      }
      this.#constraint?.accept(id)
      const found =
        logprobs === undefined ? undefined : logProbabilities(await reading.logits({ signal }), id, logprobs)
      const text = decoder?.push(id) ?? ''
      const start = this.#decoded
      this.#decoded += text.length
      const logprob = found && { ...found.chosen, top: found.top }
      this.#pending.push({ id, start, end: this.#decoded, logprob })
      const chunks = this.#release(this.#gate.push(text))
      if (this.#gate.found !== undefined || this.#constraint?.isOver === true) finish = 'stop'
      else if (this.#drawn >= this.#maxTokens) finish = 'length'
      else if (reading.ids.length + 1 >= engine.context) finish = 'context-full'
      else {
        reading.append(id)
        await this.#beginNext(reading)
      }
      yield* chunks
    }
    this.#finish = finish
    const rest = decoder?.flush() ?? ''
    this.#decoded += rest.length
    yield* this.#release(this.#gate.push(rest))
    if (this.#gate.found !== undefined) this.#finish = 'stop'
    yield* this.#last()
  }

  /** Has the device begin with the next token, so that it computes while the reader does something with the last ones. */
  async #beginNext(reading: Speculation): Promise<void> {
    if (!this.#host.engine.computesAside) return
    this.#next = this.#distributionAfter(reading)
    // Whoever waits for the token hears what goes wrong.
    this.#next.catch(() => {})
    // By then the engine has seen what is asked for. Where others come first, what is known does not wait for them.
    await nextTurn()
  }

  /** What the next token is drawn from. */
  async #distributionAfter(reading: Speculation): Promise<Distribution> {
    const { signal, onProgress } = this.#options
    const link = linkSignals(signal === undefined ? [this.#left.signal] : [this.#left.signal, signal])
    try {
      return await this.#distribution(reading, { signal: link.signal, onProgress })
    } finally {
      link.release()
    }
  }

  /** The same: of a few candidates where they are enough, so that no more has to be read. */
  async #distribution(reading: Speculation, advance: AdvanceOptions): Promise<Distribution> {
    const options = this.#options
    const constraint = this.#constraint
    if (constraint !== undefined) {
      return distributionOf(await reading.logits(advance), reading.ids, options, constraint.allowed())
    }
    if (options.logprobs === undefined && candidatesAreEnough(options, this.#host.engine.candidates)) {
      const takesLikeliest = (options.temperature ?? 0) === 0
      const found = distributionOfCandidates(await reading.candidates({ ...advance, takesLikeliest }), options)
      if (found !== undefined) return found
    }
    return distributionOf(await reading.logits(advance), reading.ids, options)
  }

  /** Lets text through together with the tokens that it completes. */
  #release(text: string): GenerationChunk[] {
    this.#text += text
    const isLast = this.#gate.found !== undefined
    const isReleased = ({ start, end }: Pending): boolean =>
      end <= this.#text.length || (isLast && start < this.#text.length)
    // Tokens without text of their own wait for the text that follows, which they may have begun.
    if (text === '' && !isLast && this.#host.tokenizer !== undefined) return []
    let count = 0
    while (count < this.#pending.length && isReleased(this.#pending[count] as Pending)) count++
    const chunks = this.#chunks(text, this.#pending.splice(0, count))
    if (isLast) this.#pending.length = 0
    return chunks
  }

  /** What was held back, at the end. */
  #last(): GenerationChunk[] {
    if (this.#gate.found !== undefined) return []
    const text = this.#gate.flush()
    this.#text += text
    return this.#chunks(text, this.#pending.splice(0))
  }

  #chunks(text: string, tokens: readonly Pending[]): GenerationChunk[] {
    if (text === '' && tokens.length === 0) return []
    const ids = tokens.map(({ id }) => id)
    const logprobs = tokens.flatMap(({ logprob }) => logprob ?? [])
    this.#ids.push(...ids)
    this.#logprobs.push(...logprobs)
    return [this.#options.logprobs === undefined ? { text, ids } : { text, ids, logprobs }]
  }

  result(): GenerationResult {
    const { tokenizer } = this.#host
    const stoppedBy =
      this.#gate.found ??
      (this.#stopId === undefined ? undefined : (tokenizer?.pieceOf(this.#stopId) ?? `${this.#stopId}`))
    const promptSeconds = (this.#first - this.#start) / 1000
    const generationSeconds = (this.#end - this.#first) / 1000
    const perSecond = (count: number, seconds: number): number => (seconds > 0 && count > 0 ? count / seconds : 0)
    return {
      text: this.#text,
      ids: [...this.#ids],
      ...(this.#options.logprobs === undefined ? {} : { logprobs: [...this.#logprobs] }),
      finish: this.#finish,
      ...(stoppedBy === undefined ? {} : { stoppedBy }),
      usage: {
        promptTokens: this.#prompt.length,
        reusedTokens: this.#reused,
        generatedTokens: this.#drawn,
        guessedTokens: this.#guessed,
        acceptedTokens: this.#accepted,
        promptSeconds,
        generationSeconds,
        promptTokensPerSecond: perSecond(this.#prompt.length - this.#reused, promptSeconds),
        // The first token comes with the prompt.
        generatedTokensPerSecond: perSecond(this.#drawn - 1, generationSeconds),
        ...expertsBetween(this.#expertsBefore, this.#experts),
      },
      seed: this.#seed,
    }
  }
}

function expertsBetween(
  before: ExpertCounters | undefined,
  after: ExpertCounters | undefined,
): { readonly experts?: ExpertCounters } {
  if (before === undefined || after === undefined) return {}
  const experts = {
    hits: after.hits - before.hits,
    reads: after.reads - before.reads,
    bytesRead: after.bytesRead - before.bytesRead,
    waitedMilliseconds: after.waitedMilliseconds - before.waitedMilliseconds,
  }
  return { experts }
}

function checkCount(name: string, value: number): void {
  if (value === Infinity || (Number.isSafeInteger(value) && value >= 0)) return
  throw new PocketPhiError('invalid-argument', `The option "${name}" cannot be used.`, {
    expected: 'an integer of at least 0',
    found: String(value),
  })
}

function checkDraft(draft: DraftModel | undefined, { vocabulary }: Scheduler): void {
  if (draft === undefined || draft.engine.vocabulary === vocabulary) return
  throw new PocketPhiError('invalid-argument', 'The draft model has another vocabulary.', {
    expected: `${vocabulary} tokens`,
    found: String(draft.engine.vocabulary),
    remedy: 'Use a smaller model of the same family.',
  })
}

function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0
}

/** Whether what follows the prompt is in the middle of a text, whose first space counts, or begins one. */
function continuesText(tokenizer: Tokenizer, prompt: readonly number[]): boolean {
  const last = prompt.at(-1)
  return !tokenizer.addedTokens.some(({ id }) => id === last)
}
