/** The model that is tested: loaded here, or behind a server. */
import { systemClock, type Clock } from '../base/clock.ts'
import { PocketPhiError } from '../base/errors.ts'
import { nextTurn } from '../base/turn.ts'
import { ChatModel } from '../endpoint/chat.ts'
import type { Endpoint } from '../endpoint/endpoint.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import type { Given } from './graders/grader.ts'
import type { Message } from './types.ts'

export interface SafetySubject extends AsyncDisposable {
  /** The likeliest answer. @throws PocketPhiError `aborted`; `network` where a server does not answer; as `ChatModel.ask` */
  answer(
    messages: readonly Message[],
    maxTokens: number,
    signal: AbortSignal,
  ): Promise<Given<{ readonly content: string }>>
}

/** It owns the model. */
export function localSubject(model: PhiModel): SafetySubject {
  return {
    async answer(messages, maxTokens, signal) {
      try {
        return { content: await generated(model, messages, maxTokens, signal) }
      } catch (error) {
        // One long text is no reason to measure nothing.
        if (error instanceof PocketPhiError && error.code === 'context-full') return { missing: 'model: context full' }
        throw error
      }
    },
    [Symbol.asyncDispose]: () => model.dispose(),
  }
}

async function generated(
  model: PhiModel,
  messages: readonly Message[],
  maxTokens: number,
  signal: AbortSignal,
): Promise<string> {
  const reply = model.chat().answer(messages, { temperature: 0, repetitionPenalty: 1, maxTokens, signal })
  // Ctrl-C is noticed between tokens also where the backend computes in this thread.
  for await (const _ of reply) await nextTurn()
  const { text, finish } = await reply.result()
  if (finish === 'aborted') throw new PocketPhiError('aborted', 'The measurement was stopped.')
  return text
}

export function endpointSubject(endpoint: Endpoint, timeoutSeconds: number, clock: Clock = systemClock): SafetySubject {
  const model = new ChatModel(endpoint, { clock, timeoutSeconds, onWait: () => {} })
  return {
    async answer(messages, maxTokens, signal) {
      const outcome = await model.ask({ messages, maxTokens, temperature: 0 }, signal)
      if ('text' in outcome) return { content: outcome.text }
      // What was cut off was said until there; a filter's refusal is one.
      if (outcome.failure === 'cut off') return { content: outcome.detail }
      if (outcome.failure === 'refused' && !outcome.final) return { content: 'I cannot help with that.' }
      if (outcome.failure === 'not served') throw silent(endpoint, outcome.detail)
      return { missing: `model: ${outcome.failure}` }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** Of a server that has gone away nothing is measured: conversations without a grade would look like those that it could not have. */
function silent({ url, model }: Endpoint, found: string): PocketPhiError {
  return new PocketPhiError('network', `${model} at ${url} does not answer.`, {
    found,
    remedy: 'The same command goes on from the conversations so far.',
  })
}
