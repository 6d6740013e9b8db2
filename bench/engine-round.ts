/**
 * One round of the engine: how long a model takes to load, then tokens a second of prompts and of answers after them, without
 * sampling. Prints one JSON object; a child of main.ts.
 *
 *     node bench/engine-round.ts SETTINGS
 */
import { wasmBackend } from '../src/backends/wasm/index.ts'
import { elementCount } from '../src/base/dtype.ts'
import { useWideVectors } from '../src/cli/wide.ts'
import { findModel } from '../src/engine/find-model.ts'
import { loadCheckpoint } from '../src/engine/load.ts'
import { tensorBytes, type MemoryPlan } from '../src/program/plan.ts'
import { idsOf, readSettings, type Round } from './rounds.ts'

const { model, threads, prompts, depths, tokens, cacheType, wide, context } = readSettings()
// main.ts has tested them.
if (wide) useWideVectors()
const { tree, weightsFile } = await findModel(model)
let plan: MemoryPlan | undefined
const start = performance.now()
const engine = await loadCheckpoint(tree, wasmBackend({ threads, wide }), {
  context,
  cacheType,
  onPlan: (found) => (plan = found),
  ...(weightsFile === undefined ? {} : { weightsFile }),
})
const loadSeconds = (performance.now() - start) / 1000

async function rate(count: number, work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  await work()
  return count / ((performance.now() - begin) / 1000)
}

const round: Round = { prompts: {}, answers: {}, loadSeconds }
// From empty is after one token.
for (const length of [...new Set([...prompts, ...depths.map((depth) => Math.max(1, depth))])].sort((a, b) => a - b)) {
  const sequence = await engine.open(idsOf(length, engine.vocabulary))
  const speed = await rate(length, () => sequence.logits())
  if (prompts.includes(length)) round.prompts[length] = speed
  const depth = length === 1 ? 0 : length
  if (depths.includes(depth)) {
    round.answers[depth] = await rate(tokens, async () => {
      for (let index = 0; index < tokens; index++) {
        sequence.append([index + 7])
        await sequence.logits()
      }
    })
  }
  sequence.close()
}

const { parameters, programs, model: traced } = engine.programs
const table = parameters.find(({ name }) => name.endsWith('embed_tokens.weight'))
const isTied = !parameters.some(({ name }) => name === 'lm_head.weight')
const { layers, kvHeads, headSize } = traced.shape
const matrices = parameters.filter((parameter) => parameter.shape.length === 2 && (isTied || parameter !== table))
const usage = process.cpuUsage()
console.log(
  JSON.stringify({
    ...round,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    plannedBytes: plan?.total ?? 0,
    readBytesPerToken:
      (plan?.parameters ?? 0) - (isTied || table === undefined ? 0 : tensorBytes(engine.device.typeOf(table.name))),
    cacheBytesPerToken: 2 * layers * kvHeads * headSize * (cacheType === 'f16' ? 2 : 4),
    productsPerToken: matrices.reduce((sum, { shape }) => sum + elementCount(shape), 0),
    programs: programs.length,
    cpuSeconds: (usage.user + usage.system) / 1e6,
  }),
)
await engine.dispose()
