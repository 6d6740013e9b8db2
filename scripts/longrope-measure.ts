/** What the experiment on LongRoPE measures of a model: perplexity by length, and passkeys that are found. */
import { present } from '../src/base/errors.ts'
import { passkey, recallDocument } from '../src/data/recall/index.ts'
import { logProbabilities } from '../src/engine/sampling.ts'
import { loadModel, type Backend, type PhiModel } from '../src/index.ts'

/** Lengths that are measured; the models learned the first. */
export const lengths = [64, 128, 256, 512] as const

/** Seeds that no search and no training has. */
const [documentSeed, passkeySeed] = [5_000_000, 6_000_000]
const [documentCount, passkeyCount] = [16, 50]

/** One number for each of `lengths`. */
export interface Measurement {
  /** Of the first tokens of held-out documents. */
  readonly perplexity: readonly number[]
  /** The share of keys that were told right, of texts as long as that, the key at every depth. */
  readonly passkey: readonly number[]
}

/** Measures the model in a folder. */
export async function measureModelFolder(folder: string, backend: Backend): Promise<Measurement> {
  await using model = await loadModel(folder, { backend, exact: true, context: Math.max(...lengths) })
  const measured = { perplexity: [] as number[], passkey: [] as number[] }
  for (const length of lengths) {
    measured.perplexity.push(await perplexityAt(model, length))
    measured.passkey.push(await passkeysAt(model, length))
  }
  return measured
}

async function perplexityAt(model: PhiModel, length: number): Promise<number> {
  let sum = 0
  for (let index = 0; index < documentCount; index++) {
    const ids = model.tokenizer.encode(recallDocument(documentSeed, index, length)).slice(0, length)
    const logits = await model.logits(ids)
    const width = logits.length / ids.length
    for (let row = 0; row + 1 < ids.length; row++) {
      const target = present(ids[row + 1], 'target')
      sum -= logProbabilities(logits.subarray(row * width, (row + 1) * width), target, 0).chosen.logprob
    }
  }
  return Math.exp(sum / (documentCount * (length - 1)))
}

/** The longest text with this key that fits, as ids: the question, and the answer that follows. */
function passkeyIds({ tokenizer }: PhiModel, index: number, length: number): { question: number[]; answer: number[] } {
  const depth = (index + 0.5) / passkeyCount
  for (let words = length; ; words--) {
    // Few words are two tokens.
    const { prompt, answer } = passkey(passkeySeed, index, { words, depth })
    const [question, ids] = [tokenizer.encode(prompt), tokenizer.encode(`${prompt} ${answer}`)]
    if (ids.length <= length) return { question, answer: ids.slice(question.length) }
  }
}

async function passkeysAt(model: PhiModel, length: number): Promise<number> {
  let right = 0
  for (let index = 0; index < passkeyCount; index++) {
    const { question, answer } = passkeyIds(model, index, length)
    const told = await model.generate(question, { maxTokens: answer.length, stopIds: [], temperature: 0 }).result()
    if (String(told.ids) === String(answer)) right++
  }
  return right / passkeyCount
}
