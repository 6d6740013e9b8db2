import { readFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { referenceBackend } from '../src/backends/ref/index.ts'
import { present } from '../src/base/errors.ts'
import { tinyFiles } from '../src/engine/tiny-model-harness.ts'
import { loadModel } from '../src/index.ts'
import { modelFromConfig } from '../src/models/index.ts'
import { traceSequences } from '../src/models/trace.ts'
import { openSafetensors } from '../src/formats/safetensors.ts'
import { memoryFolder } from '../src/formats/tree.ts'
import { Random } from '../src/base/random.ts'
import { onceInMatrix } from './matrix/combination.ts'

/**
 * Phi-3-mini-128k's real tables (48 short and 48 long factors, head size 96, border at 4,096) on a narrow model, where
 * most public implementations go wrong: at the border and after it.
 */
const published = JSON.parse(
  readFileSync(new URL('fixtures/configs/phi-3-mini-128k.json', import.meta.url), 'utf8'),
) as Record<string, unknown>
const border = 4096
const vocabulary = 64
const config = {
  vocab_size: vocabulary,
  hidden_size: 96,
  intermediate_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 1,
  num_key_value_heads: 1,
  max_position_embeddings: published['max_position_embeddings'],
  original_max_position_embeddings: published['original_max_position_embeddings'],
  rope_scaling: published['rope_scaling'],
}
const random = new Random(4096)
const ids = Array.from({ length: 2 * border }, () => random.integer(3, vocabulary))

let files: Map<string, Uint8Array>
beforeAll(async () => {
  files = await tinyFiles({ config, seed: 48 })
  files.delete('tokenizer.json')
})

/** Logits of every row of one pass over the first `length` ids, by the oracle. */
async function oracleLogits(length: number, regime: 0 | 1): Promise<Float32Array> {
  const model = modelFromConfig(JSON.parse(new TextDecoder().decode(files.get('config.json'))))
  const { trace, logits, parameters, buffers } = traceSequences(model, 'whole', length)
  trace.output('logits', logits)
  const device = await referenceBackend().open([trace.finish()])
  const checkpoint = await openSafetensors(memoryFolder(files))
  for (const [name, values] of buffers) device.write(name, values)
  for (const { name } of parameters) device.write(name, await checkpoint.readFloat32(name))
  const result = await device.run('whole', {
    ids: Int32Array.from(ids.slice(0, length)),
    positions: Int32Array.from({ length }, (_, row) => row),
    regimes: new Int32Array(length).fill(regime),
    starts: new Int32Array(length),
  })
  return present(result['logits'], 'logits')
}

function largestDifference(left: Float32Array, right: Float32Array): number {
  expect(left.length).toBe(right.length)
  return left.reduce((most, value, index) => Math.max(most, Math.abs(value - present(right[index], 'logit'))), 0)
}

test('logits at 4,095, 4,096, 4,097 and 8,192 tokens agree with the oracle', { timeout: 600_000 }, async () => {
  await using model = await loadModel(files, { context: 2 * border, exact: true })
  const short = await onceInMatrix('longrope-short', () => oracleLogits(border, 0))
  const long = await onceInMatrix('longrope-long', () => oracleLogits(2 * border, 1))
  for (const length of [border - 1, border, border + 1, 2 * border]) {
    const found = await model.logits(ids.slice(0, length), { from: length - 1 })
    const expected = (length > border ? long : short).subarray((length - 1) * vocabulary, length * vocabulary)
    const other = (length > border ? short : long).subarray((border - 1) * vocabulary, border * vocabulary)
    expect(largestDifference(found, expected), `${length} tokens`).toBeLessThan(1e-4)
    // The other table gives visibly other logits, so agreement is not for want of a difference.
    if (length === border) expect(largestDifference(found, other)).toBeGreaterThan(1e-2)
  }
})

test('crossing the border while generating equals a fresh prefill', { timeout: 600_000 }, async () => {
  await using model = await loadModel(files, { context: 2 * border, exact: true })
  const prompt = ids.slice(0, border - 3)
  const { ids: answer } = await model.generate(prompt, { maxTokens: 8, stopIds: [] }).result()
  expect(model.counters.recomputedRows).toBe(border)
  await using fresh = await loadModel(files, { context: 2 * border, exact: true })
  for (let index = 0; index < answer.length; index++) {
    const text = [...prompt, ...answer.slice(0, index)]
    const logits = await fresh.logits(text, { from: text.length - 1 })
    expect(logits.indexOf(Math.max(...logits)), `token ${index}`).toBe(answer[index])
  }
})
