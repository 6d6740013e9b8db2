/** A subject whose answers follow from the texts, for tests of what is around it. */
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

export class ScriptedSubject implements Subject {
  /** The prompts that were asked, in order. */
  readonly asked: string[] = []
  closed = false
  #begun = 0
  readonly #before: (begun: number) => Promise<void> | void

  /** @param before runs before each answer with the number of those that were begun; what it throws is what the subject throws */
  constructor(before: (begun: number) => Promise<void> | void = () => {}) {
    this.#before = before
  }

  /** The longer an option, the less likely. */
  async logLikelihoods(fewShot: FewShot, options: readonly Option[]): Promise<LogLikelihoods> {
    const lead = leadOf(fewShot, fewShot.shots.length)
    const prompts = promptsOf(lead, options)
    await this.#ask(prompts[0] ?? '')
    return {
      shots: fewShot.shots.length,
      cutTokens: 0,
      prompts,
      logLikelihoods: options.map(({ text }) => -text.length),
    }
  }

  /** The last word of the question. */
  async complete(fewShot: FewShot, question: string, { signal }: CompletionOptions): Promise<Completion> {
    const prompt = leadOf(fewShot, fewShot.shots.length) + question
    await this.#ask(prompt)
    signal?.throwIfAborted()
    const answer = ` ${/(\w+)\?/.exec(question)?.[1]}`
    return { shots: fewShot.shots.length, cutTokens: 0, prompts: [prompt], answer }
  }

  /** How many messages there were, the last of them, and how it was to be answered. */
  async reply(turns: readonly Turn[], { temperature, seed }: ReplyOptions): Promise<Reply> {
    const last = turns.at(-1)
    await this.#ask(last?.content ?? '')
    const shown = last?.pictures?.map(({ name }) => name) ?? []
    return { answer: [turns.length, last?.content, temperature, seed, ...shown].join('|'), cutTokens: 0 }
  }

  close(): Promise<void> {
    this.closed = true
    return Promise.resolve()
  }

  async #ask(prompt: string): Promise<void> {
    await this.#before(this.#begun++)
    this.asked.push(prompt)
  }
}
