/** A model that says what a test wants, when the test wants it. */
import type { GenerationChunk, GenerationResult } from '../engine/generate.ts'
import { noCounts } from '../engine/counters.ts'
import type { AnswerOptions } from '../openai/options.ts'
import { createServerApp, type ServerApp, type ServerOptions } from './app.ts'
import type { ServedModel } from './endpoints.ts'

/** The pieces of an answer, one token each. */
export type Says = (signal: AbortSignal) => AsyncGenerator<string, void, void>

class FakeAnswer implements AsyncIterable<GenerationChunk> {
  readonly dropped = []
  #text = ''
  #tokens = 0
  readonly #says: Says
  readonly #signal: AbortSignal

  constructor(says: Says, { signal = new AbortController().signal }: AnswerOptions = {}) {
    this.#says = says
    this.#signal = signal
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<GenerationChunk, void, void> {
    for await (const text of this.#says(this.#signal)) {
      this.#text += text
      this.#tokens += 1
      yield { text, ids: [this.#tokens] }
    }
  }

  result(): Promise<GenerationResult> {
    const usage = {
      promptTokens: 3,
      reusedTokens: 1,
      generatedTokens: this.#tokens,
      guessedTokens: 0,
      acceptedTokens: 0,
      promptSeconds: 0,
      generationSeconds: 0,
      promptTokensPerSecond: 0,
      generatedTokensPerSecond: 0,
    }
    const finish = this.#signal.aborted ? 'aborted' : 'stop'
    return Promise.resolve({ text: this.#text, ids: [], finish, usage, seed: 1 })
  }
}

export function fakeModel(says: Says): ServedModel {
  return {
    picture: () => Promise.reject(new Error('no pictures')),
    chat: () => ({ answer: (_, options) => new FakeAnswer(says, options) }),
    generate: (_, options) => new FakeAnswer(says, options),
    embed: (texts) =>
      Promise.resolve(texts.map(({ length }) => ({ vector: Float32Array.of(0.6, 0.8), tokens: length }))),
  }
}

/** Waits until a signal fires, as an engine does that is busy with something long. */
export async function untilAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}

export const fakeOptions: ServerOptions = {
  ...{ name: 'fake', places: 4, timeout: 60, patience: 60, bodyLimit: 1000 },
  counters: noCounts,
}

export function fakeApp(says: Says, options: Partial<ServerOptions> = {}): ServerApp {
  return createServerApp(fakeModel(says), { ...fakeOptions, ...options })
}
