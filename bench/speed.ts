/**
 * Tokens per second of prompts and of answers after them, of a model as the engine runs it, without sampling.
 *
 *     node bench/speed.ts MODEL [--depths 4,512,2048] [--tokens 48] [--threads 2] [--cache-type f16] [--wide]
 */
import { setFlagsFromString } from 'node:v8'
import { parseArgs } from 'node:util'
import { wasmBackend } from '../src/backends/wasm/index.ts'
import { findModel } from '../src/engine/find-model.ts'
import { loadCheckpoint } from '../src/engine/load.ts'
import type { Sequence } from '../src/engine/sequence.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    depths: { type: 'string', default: '4,512,2048' },
    tokens: { type: 'string', default: '48' },
    threads: { type: 'string', default: '2' },
    'cache-type': { type: 'string', default: 'f16' },
    wide: { type: 'boolean', default: false },
  },
})
const [model] = positionals
if (model === undefined) throw new Error('node bench/speed.ts MODEL')
// Before any module is compiled.
if (values.wide) setFlagsFromString('--experimental-wasm-revectorize')

const context = 4096
const { tree, weightsFile } = await findModel(model)
const backend = wasmBackend({ threads: Number(values.threads), wide: values.wide })
const engine = await loadCheckpoint(tree, backend, {
  context,
  cacheType: values['cache-type'] === 'f32' ? 'f32' : 'f16',
  ...(weightsFile === undefined ? {} : { weightsFile }),
})

/** Ids that repeat nothing, so that no prefix is found in the cache. */
function idsOf(count: number): number[] {
  return Array.from({ length: count }, (_, index) => (count + index * 7919) % engine.vocabulary)
}

async function perSecond(count: number, work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return count / ((performance.now() - start) / 1000)
}

async function decode(sequence: Sequence, tokens: number): Promise<void> {
  for (let index = 0; index < tokens; index++) {
    sequence.append([index + 7])
    await sequence.logits()
  }
}

async function measure(depth: number, tokens: number): Promise<string> {
  const sequence = await engine.open(idsOf(depth))
  const prefill = await perSecond(depth, () => sequence.logits())
  const answer = await perSecond(tokens, () => decode(sequence, tokens))
  sequence.close()
  return `${String(depth).padStart(6)}  ${prefill.toFixed(1).padStart(8)}  ${answer.toFixed(2).padStart(8)}`
}

await measure(40, 8)
console.log('tokens    prompt    answer  tokens/s')
for (const depth of values.depths.split(',').map(Number)) console.log(await measure(depth, Number(values.tokens)))
await engine.dispose()
