/** A model behind a server with OpenAI's interface as what is measured. */
import { z } from 'zod'
import { systemClock, type Clock } from '../../base/clock.ts'
import { PocketPhiError, present } from '../../base/errors.ts'
import { withRetries } from '../../base/retry.ts'
import type { FewShot, Option } from '../tasks/types.ts'
import { NoSuchRoute, PromptTooLong, tryEndpoint, type Endpoint } from '../../endpoint/endpoint.ts'
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

const completionSchema = z.object({ choices: z.array(z.object({ text: z.string() })).min(1) })
const chatSchema = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().nullable() }) })).min(1),
})
const echoSchema = z.object({
  choices: z
    .array(
      z.object({
        logprobs: z
          .object({
            tokens: z.array(z.string()),
            token_logprobs: z.array(z.number().nullable()),
            text_offset: z.array(z.number()).nullish(),
          })
          .nullish(),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: z.number() }).nullish(),
})

/** The tokens of a prompt and of what was generated behind it. */
interface Echo {
  readonly tokens: readonly string[]
  readonly token_logprobs: readonly (number | null)[]
  readonly text_offset?: readonly number[] | null | undefined
}

/**
 * Prompts go as plain text to `completions`; where a server has only `chat/completions`, as what a user says. How many tokens they have is
 * not known here: where the server says that one is too long, an example less is given. Without any left nothing is cut, and "context-full" is thrown.
 */
export class EndpointSubject implements Subject {
  readonly #endpoint: Endpoint
  readonly #clock: Clock
  /** Whether there is `completions`; decided by the first answer. */
  #hasCompletions: boolean | undefined

  constructor(endpoint: Endpoint, clock: Clock = systemClock) {
    this.#endpoint = endpoint
    this.#clock = clock
  }

  async logLikelihoods(fewShot: FewShot, options: readonly Option[], signal?: AbortSignal): Promise<LogLikelihoods> {
    return await withFewerShots(fewShot, async (lead, shots) => {
      const logLikelihoods: number[] = []
      for (const { context, text } of options) {
        logLikelihoods.push(await this.#logLikelihood(lead + context, ` ${text}`, signal))
      }
      return { shots, cutTokens: 0, prompts: promptsOf(lead, options), logLikelihoods }
    })
  }

  async complete(fewShot: FewShot, question: string, options: CompletionOptions): Promise<Completion> {
    return await withFewerShots(fewShot, async (lead, shots) => {
      const prompt = lead + question
      return { shots, cutTokens: 0, prompts: [prompt], answer: await this.#write(prompt, options) }
    })
  }

  async reply(turns: readonly Turn[], { maxTokens, temperature, seed, signal }: ReplyOptions): Promise<Reply> {
    const messages = await Promise.all(turns.map(messageOf))
    const drawn = temperature > 0 ? { seed } : {}
    return {
      answer: await this.#chat({ max_tokens: maxTokens, temperature, ...drawn, messages }, signal),
      cutTokens: 0,
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  async #write(prompt: string, { maxTokens, stop, signal }: CompletionOptions): Promise<string> {
    const common = { max_tokens: maxTokens, temperature: 0, stop }
    if (this.#hasCompletions !== false) {
      try {
        const { choices } = await this.#ask('completions', { ...common, prompt }, completionSchema, signal)
        this.#hasCompletions = true
        return present(choices[0], 'choice').text
      } catch (error) {
        if (this.#hasCompletions === true || !(error instanceof NoSuchRoute)) throw error
        this.#hasCompletions = false
      }
    }
    return await this.#chat({ ...common, messages: [{ role: 'user', content: prompt }] }, signal)
  }

  async #chat(request: object, signal: AbortSignal | undefined): Promise<string> {
    const { choices } = await this.#ask('chat/completions', request, chatSchema, signal)
    return present(choices[0], 'choice').message.content ?? ''
  }

  /** Echoes the text with the probability of each of its tokens, and adds up those of the continuation. */
  async #logLikelihood(context: string, continuation: string, signal: AbortSignal | undefined): Promise<number> {
    const prompt = context + continuation
    // Not every server takes a request for no token at all.
    const request = { prompt, max_tokens: 1, temperature: 0, logprobs: 1, echo: true }
    const { choices, usage } = await this.#ask('completions', request, echoSchema, signal).catch((error: unknown) => {
      throw error instanceof NoSuchRoute ? this.#noEcho(error) : error
    })
    const echo = choices[0]?.logprobs
    if (echo === undefined || echo === null) throw this.#noEcho()
    const sum = sumOfEnd(
      echo,
      usage?.prompt_tokens ?? echo.tokens.length - 1,
      [...prompt.slice(context.trimEnd().length)].length,
    )
    if (sum === undefined) throw this.#noEcho()
    return sum
  }

  /** A server that is busy for a while does not end a run of hours. */
  async #ask<Schema extends z.ZodType>(
    route: string,
    request: object,
    schema: Schema,
    signal: AbortSignal | undefined,
  ): Promise<z.infer<Schema>> {
    const body = { model: this.#endpoint.model, ...request }
    const clock = this.#clock
    return await withRetries({ clock, signal }, () =>
      tryEndpoint(this.#endpoint, route, body, schema, { signal, clock }),
    )
  }

  #noEcho(cause?: unknown): PocketPhiError {
    return new PocketPhiError('not-supported', `${this.#endpoint.url} does not say how likely a text is.`, {
      expected: 'the probabilities of a prompt from "completions" with "echo" and "logprobs"',
      remedy: 'Choose benchmarks that are written, such as --tasks gsm8k,bbh,triviaqa, or another server.',
      cause,
    })
  }
}

/** A message as the interface has it: with pictures in parts, each a `data:` URL. */
async function messageOf({ role, content, pictures = [] }: Turn): Promise<object> {
  if (pictures.length === 0) return { role, content }
  const images = pictures.map(async (file) => ({ type: 'image_url', image_url: { url: dataUrlOf(await file.read()) } }))
  return { role, content: [...(await Promise.all(images)), { type: 'text', text: content }] }
}

/** The first bytes of the formats of pictures (of WebP those of its container). */
const signatures: readonly (readonly [type: string, start: string])[] = [
  ['png', '\u0089PNG'],
  ['gif', 'GIF8'],
  ['webp', 'RIFF'],
]

function dataUrlOf(bytes: Uint8Array): string {
  const start = String.fromCharCode(...bytes.subarray(0, 4))
  const type = signatures.find(([, signature]) => signature === start)?.[0] ?? 'jpeg'
  return `data:image/${type};base64,${Buffer.from(bytes).toString('base64')}`
}

/** Tries with all examples, and with one less as long as the server has no room. */
async function withFewerShots<Result>(
  fewShot: FewShot,
  ask: (lead: string, shots: number) => Promise<Result>,
): Promise<Result> {
  for (let shots = fewShot.shots.length; ; shots--) {
    try {
      return await ask(leadOf(fewShot, shots), shots)
    } catch (error) {
      if (shots === 0 || !(error instanceof PromptTooLong)) throw error
    }
  }
}

/**
 * The sum over the last tokens of a prompt that cover so many characters (code points). It is counted from the end, since what a tokenizer
 * puts before a text counts as text for some servers; a token across the border belongs to the end.
 *
 * @returns undefined where a probability is missing
 */
function sumOfEnd(
  { tokens, token_logprobs: logprobs, text_offset: offsets }: Echo,
  promptTokens: number,
  characters: number,
): number | undefined {
  if (tokens.length < promptTokens || logprobs.length < promptTokens) return undefined
  const widthOf = (place: number): number => {
    const [start, next] = [offsets?.[place], offsets?.[place + 1]]
    return start !== undefined && next !== undefined ? next - start : [...(tokens[place] ?? '')].length
  }
  let sum = 0
  let covered = 0
  for (let place = promptTokens - 1; covered < characters; place--) {
    const logprob = logprobs[place]
    if (typeof logprob !== 'number') return undefined
    sum += logprob
    covered += widthOf(place)
  }
  return sum
}
