/** wllama (llama.cpp in WebAssembly) as a contender in a page; its package is served at ../wllama/. */
import { cacheTypeOfLlama, secondsOf, type Contender } from '../measure.ts'
import type { PeerSettings } from '../rounds.ts'

/** What is used of it. */
interface Wllama {
  loadModel(blobs: readonly Blob[], options: Readonly<Record<string, unknown>>): Promise<void>
  getNumThreads(): number
  createCompletion(options: Readonly<Record<string, unknown>>): Promise<{ readonly timings: Timings }>
}

/** What its own clock says, the browser's work around it left out. */
interface Timings {
  readonly prompt_n: number
  readonly prompt_per_second: number
  readonly predicted_per_second: number
}

interface WllamaModule {
  readonly LoggerWithoutDebug: unknown
  readonly Wllama: new (paths: Readonly<Record<string, string>>, options: Readonly<Record<string, unknown>>) => Wllama
}

/** Words that are one token each in the vocabulary of the family. */
const words = 'the of and to in is was for that on as with by at from his it an were are this which be or had'.split(
  ' ',
)

function textOf(count: number, salt: number): string {
  return Array.from({ length: count }, (_, index) => {
    return words[(salt * 7 + count + index * index) % words.length]
  }).join(' ')
}

export async function loadWllama(
  { threads, context, cacheType, peer }: PeerSettings,
  weights: string,
): Promise<{ contender: Contender; loadSeconds: number }> {
  const address = (path: string): string => new URL(`../wllama/${path}`, location.href).href
  const { Wllama, LoggerWithoutDebug } = (await import(/* @vite-ignore */ address('index.js'))) as WllamaModule
  const wllama = new Wllama(
    { default: address('wasm/wllama.wasm') },
    { logger: LoggerWithoutDebug, suppressNativeLog: true },
  )
  const loadSeconds = await secondsOf(async () => {
    const file = await (await fetch(new URL(`../model/${weights}`, location.href))).blob()
    // Threads are said, since it takes half of the cores otherwise.
    await wllama.loadModel([file], {
      n_ctx: context,
      n_batch: 512,
      n_threads: threads,
      n_gpu_layers: 0,
      n_parallel: 1,
      flash_attn: peer.flash,
      cache_type_k: cacheTypeOfLlama(cacheType),
      cache_type_v: cacheTypeOfLlama(cacheType),
      warmup: false,
    })
  })
  if (wllama.getNumThreads() !== threads) throw new Error(`wllama runs with ${wllama.getNumThreads()} threads`)
  const completeWords = async (count: number, salt: number, tokens: number): Promise<Timings> => {
    const common = { temperature: 0, cache_prompt: false, ignore_eos: true }
    return (await wllama.createCompletion({ ...common, prompt: textOf(count, salt), max_tokens: tokens })).timings
  }
  /** 1 where a token of its own begins every text. */
  const begins = (await completeWords(2, 0, 1)).prompt_n - 2
  const complete = async (length: number, salt: number, tokens: number): Promise<Timings> => {
    // It does not survive texts of one token.
    const count = Math.max(2, length) - begins
    const timings = await completeWords(count, salt, tokens)
    if (timings.prompt_n !== count + begins) {
      throw new Error(`a text of ${length} tokens has ${timings.prompt_n} in this vocabulary`)
    }
    return timings
  }
  const contender: Contender = {
    readPrompt: async (length, salt) => length / (await complete(length, salt, 1)).prompt_per_second,
    firstToken: (length, salt) => secondsOf(() => complete(length, salt, 1)),
    answer: async (depth, tokens) => tokens / (await complete(depth + 1, 1, tokens)).predicted_per_second,
  }
  return { contender, loadSeconds }
}
