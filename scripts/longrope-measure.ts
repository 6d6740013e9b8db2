/** What the experiment on LongRoPE measures of a model: perplexity by length, and passkeys that are found. */
import { present } from '../src/base/errors.ts'
import { passkey, recallDocument } from '../src/data/recall/index.ts'
import { logProbabilities } from '../src/engine/sampling.ts'
import { loadModel, type Backend, type PhiModel } from '../src/index.ts'
import type { CacheDType } from '../src/program/ops/cache.ts'

/** Lengths that are measured; the models learned the first. */
export const lengths = [64, 128, 256, 512] as const

/** Seeds that no search and no training has. */
const [documentSeed, passkeySeed] = [5_000_000, 6_000_000]

/** What a model of the experiment is measured on. */
const [documentCount, passkeyCount] = [16, 50]

/** One number for each of `lengths`. */
export interface Measurement {
  /** Of the first tokens of held-out documents. */
  readonly perplexity: readonly number[]
  /** The share of keys that were told right, of texts as long as that, the key at every depth. */
  readonly passkey: readonly number[]
}

/** How much is measured, and in what keys and values are kept meanwhile. */
export interface MeasureOptions {
  readonly documents: number
  readonly passkeys: number
  readonly cacheType: CacheDType
}

/** What came of every single text, of one length. */
export interface Outcomes {
  /** The mean loss of each document, in nats per token. */
  readonly losses: readonly number[]
  /** Whether each key was told right. */
  readonly found: readonly boolean[]
}

/** Measures the model in a folder, document by document and key by key, at each of `lengths`. */
export async function measureOutcomes(
  folder: string,
  backend: Backend,
  { documents, passkeys, cacheType }: MeasureOptions,
): Promise<readonly Outcomes[]> {
  await using model = await loadModel(folder, { backend, exact: true, cacheType, context: Math.max(...lengths) })
  const outcomes: Outcomes[] = []
  for (const length of lengths) {
    const [losses, found]: [number[], boolean[]] = [[], []]
    for (let index = 0; index < documents; index++) losses.push(await lossOfDocument(model, index, length))
    for (let index = 0; index < passkeys; index++) {
      found.push(await tellsPasskey(model, index, (index + 0.5) / passkeys, length))
    }
    outcomes.push({ losses, found })
  }
  return outcomes
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Measures the model in a folder. */
export async function measureModelFolder(folder: string, backend: Backend): Promise<Measurement> {
  const options = { documents: documentCount, passkeys: passkeyCount, cacheType: 'f32' } as const
  const outcomes = await measureOutcomes(folder, backend, options)
  return {
    perplexity: outcomes.map(({ losses }) => Math.exp(mean(losses))),
    passkey: outcomes.map(({ found }) => mean(found.map(Number))),
  }
}

async function lossOfDocument(model: PhiModel, index: number, length: number): Promise<number> {
  const ids = model.tokenizer.encode(recallDocument(documentSeed, index, length)).slice(0, length)
  const logits = await model.logits(ids)
  const width = logits.length / ids.length
  let sum = 0
  for (let row = 0; row + 1 < ids.length; row++) {
    const target = present(ids[row + 1], 'target')
    sum -= logProbabilities(logits.subarray(row * width, (row + 1) * width), target, 0).chosen.logprob
  }
  return sum / (ids.length - 1)
}

/** The longest text with this key that fits, as ids: the question, and the answer that follows. */
function passkeyIds({ tokenizer }: PhiModel, index: number, depth: number, length: number) {
  for (let words = length; ; words--) {
    // Few words are two tokens.
    const { prompt, answer } = passkey(passkeySeed, index, { words, depth })
    const [question, ids] = [tokenizer.encode(prompt), tokenizer.encode(`${prompt} ${answer}`)]
    if (ids.length <= length) return { question, answer: ids.slice(question.length) }
  }
}

async function tellsPasskey(model: PhiModel, index: number, depth: number, length: number): Promise<boolean> {
  const { question, answer } = passkeyIds(model, index, depth, length)
  const told = await model.generate(question, { maxTokens: answer.length, stopIds: [], temperature: 0 }).result()
  return String(told.ids) === String(answer)
}
