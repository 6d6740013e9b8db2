/**
 * One round of node-llama-cpp on a GGUF file, as engine-round.ts. It is installed outside of this project:
 *
 *     mkdir peer && cd peer && npm init -y && npm install node-llama-cpp
 */
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { idsOf, readSettings, type Round } from './rounds.ts'

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

const { model, threads, prompts, depths, tokens, context, peer } = readSettings()
const entry = createRequire(join(resolve(peer.folder), 'package.json')).resolve('node-llama-cpp')
const { getLlama } = (await import(pathToFileURL(entry).href)) as {
  getLlama: (options: Readonly<Record<string, unknown>>) => Promise<Llama>
}
const start = performance.now()
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: threads, logLevel: 'error' })
const loaded = await llama.loadModel({ modelPath: model })
const options = { contextSize: context, threads, flashAttention: peer.flash, batchSize: 512 }
const opened = await loaded.createContext(options)
const round: Round = { prompts: {}, answers: {}, loadSeconds: (performance.now() - start) / 1000 }

for (const length of [...new Set([...prompts, ...depths.map((depth) => Math.max(1, depth))])].sort((a, b) => a - b)) {
  const sequence = opened.getSequence()
  const begin = performance.now()
  await sequence.evaluateWithoutGeneratingNewTokens(idsOf(length, 32_000))
  if (prompts.includes(length)) round.prompts[length] = length / ((performance.now() - begin) / 1000)
  const depth = length === 1 ? 0 : length
  if (depths.includes(depth)) {
    let count = 0
    let first = 0
    for await (const _ of sequence.evaluate([7], { temperature: 0, yieldEogToken: true })) {
      // The first one has waited for what comes before it.
      if (count === 0) first = performance.now()
      if (count++ === tokens) break
    }
    round.answers[depth] = (count - 1) / ((performance.now() - first) / 1000)
  }
  sequence.dispose()
}
const usage = process.cpuUsage()
const peakBytes = process.resourceUsage().maxRSS * 1024
console.log(JSON.stringify({ ...round, peakBytes, cpuSeconds: (usage.user + usage.system) / 1e6 }))
process.exit(0)
