/** What a server tells of itself: figures, and a line for each request. */
import type { EngineCounters } from '../engine/counters.ts'
import type { CompletionUsage } from '../openai/types.ts'
import { Counts, figure, Histogram, sample } from './prometheus.ts'

/** A request that has ended, as it is logged. Nothing that was said is in it. */
export interface RequestRecord {
  /** When it came, ISO 8601. */
  readonly time: string
  readonly method: string
  /** As the server names it, where it is one of its own, else `other`. */
  readonly path: string
  /** What was answered; 499, as nginx has it, where the client had gone before. */
  readonly status: number
  /** Of an error. */
  readonly error?: string
  /** The number of the key. */
  readonly key?: number
  /** From when it came until its answer had ended. */
  readonly seconds: number
  /** Until the first text was sent. */
  readonly firstSeconds?: number
  readonly usage?: CompletionUsage
}

const secondsBounds = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]

export class Figures {
  readonly #requests = new Counts('phi_requests_total', 'Requests that have ended, by path and status.')
  readonly #seconds = new Histogram('phi_request_seconds', 'Time that requests with answers took.', secondsBounds)
  readonly #first = new Histogram('phi_first_text_seconds', 'Time until the first text of a stream.', secondsBounds)
  #promptTokens = 0
  #cachedTokens = 0
  #generatedTokens = 0

  record({ path, status, seconds, firstSeconds, usage }: RequestRecord): void {
    this.#requests.add({ path, status })
    if (firstSeconds !== undefined) this.#first.observe(firstSeconds)
    if (usage === undefined) return
    this.#seconds.observe(seconds)
    this.#promptTokens += usage.prompt_tokens
    this.#cachedTokens += usage.prompt_tokens_details.cached_tokens
    this.#generatedTokens += usage.completion_tokens
  }

  /** @param running requests that are being answered or wait for it */
  text(running: number, engine: EngineCounters): string {
    const one = (kind: 'counter' | 'gauge', name: string, help: string, value: number): string =>
      figure(kind, name, help, [sample(name, value)])
    return [
      this.#requests.text(),
      this.#seconds.text(),
      this.#first.text(),
      one('gauge', 'phi_requests_running', 'Requests that are being answered or wait for it.', running),
      one('counter', 'phi_prompt_tokens_total', 'Tokens of prompts.', this.#promptTokens),
      one('counter', 'phi_cached_tokens_total', 'Tokens of prompts that were in the cache.', this.#cachedTokens),
      one('counter', 'phi_generated_tokens_total', 'Tokens that were drawn.', this.#generatedTokens),
      one('counter', 'phi_engine_runs_total', 'Batches that were computed.', engine.runs),
      one('counter', 'phi_engine_rows_total', 'Rows of these batches.', engine.rows),
      one('counter', 'phi_engine_padding_rows_total', 'Rows that only filled them up.', engine.paddingRows),
      one('counter', 'phi_engine_reused_rows_total', 'Rows that were in the cache instead.', engine.reusedRows),
    ].join('')
  }
}
