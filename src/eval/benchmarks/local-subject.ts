/** A model that is loaded here as what is measured. */
import { PocketPhiError, present } from '../../base/errors.ts'
import { keptPromise } from '../../base/kept-promises.ts'
import { nextTurn } from '../../base/turn.ts'
import type { ChatReply } from '../../engine/chat.ts'
import type { GenerateOptions, Generation } from '../../engine/generate.ts'
import type { PhiModel } from '../../engine/phi-model.ts'
import type { Message } from '../../engine/picture-text.ts'
import { logProbabilities } from '../../engine/sampling.ts'
import type { FewShot, Option } from '../tasks/types.ts'
import {
  leadOf,
  promptsOf,
  type Completion,
  type CompletionOptions,
  type LogLikelihoods,
  type Reply,
  type ReplyOptions,
  type Subject,
  type Turn,
} from './subject.ts'

/** A context and what follows it, as ids. */
interface Pair {
  readonly context: readonly number[]
  readonly continuation: readonly number[]
}

/** Nothing but a temperature, whatever a model says of itself. */
const plainSampling = { topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 }

/** Tokens by which the parts of a text may take more room than the whole. */
const seams = 4

/**
 * Examples are dropped from the end until a prompt fits, so that those that stay are the beginning of the prompts of other
 * questions too; what still does not fit is cut from the left.
 */
export class LocalSubject implements Subject {
  readonly #model: PhiModel
  /** Lengths of the texts before questions, in tokens. */
  readonly #lengths = new Map<string, number>()
  /** Texts before questions that have been read, or are being read. */
  readonly #read = new Map<string, Promise<void>>()

  /** It owns the model. */
  constructor(model: PhiModel) {
    this.#model = model
  }

  async logLikelihoods(fewShot: FewShot, options: readonly Option[], signal?: AbortSignal): Promise<LogLikelihoods> {
    const { context } = this.#model
    // The last token of an option is predicted and never read.
    const room = context + 1
    const ends = options.map((option) => `${option.context} ${option.text}`)
    const { lead, shots, pairs } = this.#fit(fewShot, ends, room, (text) =>
      options.map((option) => this.#pair(text + option.context, ` ${option.text}`)),
    )
    await this.#readOnce(lead, signal)
    const cutTokens = Math.max(0, ...pairs.map((pair) => lengthOf(pair) - room))
    const logLikelihoods = await this.#scoreAll(
      pairs.map((pair) => cutLeft(pair, room)),
      signal,
    )
    return { shots, cutTokens, prompts: promptsOf(lead, options), logLikelihoods }
  }

  async complete(fewShot: FewShot, question: string, options: CompletionOptions): Promise<Completion> {
    const { context, tokenizer } = this.#model
    const maxTokens = Math.min(options.maxTokens, Math.floor(context / 2))
    const room = context - maxTokens
    const { lead, shots, pairs } = this.#fit(fewShot, [question], room, (text) => [
      { context: tokenizer.encode(text + question), continuation: [] },
    ])
    const ids = present(pairs[0], 'prompt').context
    await this.#readOnce(lead, options.signal)
    const answer = await this.#generate(ids.slice(-room), maxTokens, options)
    return { shots, cutTokens: Math.max(0, ids.length - room), prompts: [lead + question], answer }
  }

  async reply(turns: readonly Turn[], { maxTokens, temperature, seed, signal }: ReplyOptions): Promise<Reply> {
    const { context, tokenizer } = this.#model
    const messages = await Promise.all(turns.map((turn) => this.#shown(turn)))
    const { reply, cut } = this.#answer(messages, {
      ...plainSampling,
      temperature,
      seed,
      // Both turns of a conversation are to fit.
      maxTokens: Math.min(maxTokens, Math.floor(context / 4)),
      ...(signal === undefined ? {} : { signal }),
    })
    const answer = await textOf(reply)
    const dropped = reply.dropped.reduce((sum, { content }) => sum + tokenizer.encode(content).length, 0)
    return { answer, cutTokens: cut + dropped }
  }

  /** Where not even the last message fits, its beginning is cut off, an eighth at a time. */
  #answer(messages: readonly Message[], options: GenerateOptions): { readonly reply: ChatReply; readonly cut: number } {
    const { tokenizer } = this.#model
    const last = present(messages.at(-1), 'message')
    const ids = tokenizer.encode(last.content, { addBos: false })
    for (let cut = 0; ; cut += Math.ceil((ids.length - cut) / 8)) {
      const content = cut === 0 ? last.content : tokenizer.decode(ids.slice(cut))
      try {
        const reply = this.#model.chat().answer([...messages.slice(0, -1), { ...last, content }], options)
        return { reply, cut }
      } catch (error) {
        const isTooLong = error instanceof PocketPhiError && error.code === 'context-full'
        if (!isTooLong || ids.length - cut < 2) throw error
      }
    }
  }

  close(): Promise<void> {
    return this.#model.dispose()
  }

  async #shown({ pictures = [], ...message }: Turn): Promise<Message> {
    if (pictures.length === 0) return message
    return {
      ...message,
      pictures: await Promise.all(pictures.map(async (file) => await this.#model.picture(await file.read()))),
    }
  }

  async #generate(ids: readonly number[], maxTokens: number, { stop, signal }: CompletionOptions): Promise<string> {
    const greedy = { ...plainSampling, temperature: 0 }
    const reply = this.#model.generate(ids, { ...greedy, maxTokens, stop, ...(signal === undefined ? {} : { signal }) })
    return await textOf(reply)
  }

  /** With as many examples as there is room for: the text before the question, and what `encode` makes of it. */
  #fit(
    fewShot: FewShot,
    ends: readonly string[],
    room: number,
    encode: (lead: string) => readonly Pair[],
  ): { readonly lead: string; readonly shots: number; readonly pairs: readonly Pair[] } {
    const end = Math.max(...ends.map((text) => this.#model.tokenizer.encode(text).length))
    let shots = fewShot.shots.length
    while (shots > 0 && this.#lengthOf(leadOf(fewShot, shots)) + end > room + seams) shots--
    for (; ; shots--) {
      const lead = leadOf(fewShot, shots)
      const pairs = encode(lead)
      if (shots === 0 || pairs.every((pair) => lengthOf(pair) <= room)) return { lead, shots, pairs }
    }
  }

  #lengthOf(lead: string): number {
    const known = this.#lengths.get(lead)
    if (known !== undefined) return known
    const length = this.#model.tokenizer.encode(lead).length
    this.#lengths.set(lead, length)
    return length
  }

  /** Reads what many questions begin with before the first of them, so that those that run beside it find it in the cache. */
  async #readOnce(lead: string, signal: AbortSignal | undefined): Promise<void> {
    if (lead === '') return
    await keptPromise(this.#read, lead, () => this.#readLead(lead, signal))
  }

  async #readLead(lead: string, signal: AbortSignal | undefined): Promise<void> {
    const { engine, tokenizer, context } = this.#model
    const ids = tokenizer.encode(lead).slice(0, context)
    using sequence = await engine.open(ids, { reserve: ids.length, signal })
    await sequence.candidates({ signal })
  }

  /** Splits tokens of the whole text where the context alone ends; space at the end of a context goes to the continuation. */
  #pair(context: string, continuation: string): Pair {
    const { tokenizer } = this.#model
    const kept = context.trimEnd()
    const whole = tokenizer.encode(context + continuation)
    const border = tokenizer.encode(kept).length
    return { context: whole.slice(0, border), continuation: whole.slice(border) }
  }

  /** Each context is read once, whatever number of options follows it. */
  async #scoreAll(pairs: readonly Pair[], signal: AbortSignal | undefined): Promise<readonly number[]> {
    const scores = new Array<number>(pairs.length).fill(0)
    for (const [, places] of Map.groupBy(pairs.keys(), (place) => pairs[place]?.context.join(' '))) {
      const continuations = places.map((place) => present(pairs[place], 'pair').continuation)
      const { context } = present(pairs[places[0] ?? 0], 'pair')
      const sums = await this.#scoreBehind(context, continuations, signal)
      places.forEach((place, index) => (scores[place] = present(sums[index], 'score')))
    }
    return scores
  }

  async #scoreBehind(
    context: readonly number[],
    continuations: readonly (readonly number[])[],
    signal: AbortSignal | undefined,
  ): Promise<number[]> {
    const longest = Math.max(...continuations.map(({ length }) => length))
    const reserve = context.length + longest - 1
    using sequence = await this.#model.engine.open(context, { reserve, signal })
    const behind = await sequence.logits({ signal })
    const sums: number[] = []
    for (const ids of continuations) {
      let sum = logProbability(behind, ids[0])
      if (ids.length > 1) {
        sequence.append(ids.slice(0, -1))
        await sequence.rows(
          context.length,
          (row, logits) => {
            sum += logProbability(logits, ids[row - context.length + 1])
          },
          { signal },
        )
        sequence.truncate(context.length)
      }
      sums.push(sum)
    }
    return sums
  }
}

/** The text of an answer, to its end. */
async function textOf(reply: Generation): Promise<string> {
  // Ctrl-C is noticed between tokens also where the backend computes in this thread.
  for await (const _ of reply) await nextTurn()
  const { text, finish } = await reply.result()
  if (finish === 'aborted') throw new PocketPhiError('aborted', 'The evaluation was stopped.')
  return text
}

function logProbability(logits: Float32Array, id: number | undefined): number {
  return logProbabilities(logits, present(id, 'token'), 0).chosen.logprob
}

function lengthOf({ context, continuation }: Pair): number {
  return context.length + continuation.length
}

/** Without the first tokens of the context that there is no room for; at least one stays. */
function cutLeft({ context, continuation }: Pair, room: number): Pair {
  const kept = Math.max(1, room - continuation.length)
  return { context: context.slice(-kept), continuation: continuation.slice(-(room - 1)) }
}
