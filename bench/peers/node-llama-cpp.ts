/** One round of node-llama-cpp on a GGUF file. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { cacheTypeOfLlama, idsOf, measure, secondsOf, type Contender } from '../measure.ts'
import { costs, MemoryWatch } from '../processes.ts'
import { readPeerSettings } from '../rounds.ts'

/** What is used of it. */
interface Llama {
  loadModel(options: { modelPath: string }): Promise<{
    createContext(options: Readonly<Record<string, unknown>>): Promise<{ getSequence(): LlamaSequence }>
  }>
}

interface LlamaSequence {
  evaluateWithoutGeneratingNewTokens(tokens: readonly number[]): Promise<void>
  evaluate(tokens: readonly number[], options: Readonly<Record<string, unknown>>): AsyncIterable<number>
  dispose(): void
}

/** Ids of ordinary tokens, in every vocabulary of the family. */
const vocabulary = 32_000

const settings = readPeerSettings()
const { model, threads, context, peer } = settings
const entry = createRequire(join(peer.path, 'package.json')).resolve('node-llama-cpp')
const { getLlama } = (await import(pathToFileURL(entry).href)) as {
  getLlama: (options: Readonly<Record<string, unknown>>) => Promise<Llama>
}
const watch = new MemoryWatch()
const start = performance.now()
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: threads, logLevel: 'error' })
const loaded = await llama.loadModel({ modelPath: model })
const cacheType = cacheTypeOfLlama(settings.cacheType).toUpperCase()
const opened = await loaded.createContext({
  contextSize: context,
  threads,
  flashAttention: peer.flash,
  batchSize: 512,
  experimentalKvCacheKeyType: cacheType,
  experimentalKvCacheValueType: cacheType,
})
const loadSeconds = (performance.now() - start) / 1000

async function withSequence<T>(use: (sequence: LlamaSequence) => Promise<T>): Promise<T> {
  const sequence = opened.getSequence()
  try {
    return await use(sequence)
  } finally {
    sequence.dispose()
  }
}

/** Seconds between the first and the last of so many greedy tokens, and one more, behind `ids`. */
async function generate(sequence: LlamaSequence, ids: readonly number[], tokens: number): Promise<number> {
  let count = 0
  let first = 0
  for await (const _ of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
    // The first one has waited for what comes before it.
    if (count === 0) first = performance.now()
    if (count++ === tokens) break
  }
  return (performance.now() - first) / 1000
}

const contender: Contender = {
  readPrompt: (length, salt) =>
    withSequence((sequence) =>
      secondsOf(() => sequence.evaluateWithoutGeneratingNewTokens(idsOf(length, vocabulary, salt))),
    ),
  firstToken: (length, salt) =>
    withSequence((sequence) => secondsOf(() => generate(sequence, idsOf(length, vocabulary, salt), 0))),
  answer: (depth, tokens) =>
    withSequence(async (sequence) => {
      if (depth > 0) await sequence.evaluateWithoutGeneratingNewTokens(idsOf(depth, vocabulary))
      return await generate(sequence, [7], tokens)
    }),
}
const round = await measure(contender, settings)
console.log(JSON.stringify({ ...round, loadSeconds, ...costs(watch.end()) }))
process.exit(0)
