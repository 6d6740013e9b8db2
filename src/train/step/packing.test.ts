import { expect, test } from 'vitest'
import { present } from '../../base/errors.ts'
import { wasmBackend } from '../../backends/wasm/index.ts'
import { tinyTokenizerJson } from '../../engine/tiny-model-harness.ts'
import { modelFromConfig } from '../../models/index.ts'
import { loadTokenizerJson } from '../../text/tokenizer-json.ts'
import { packBatch, type Example } from './batches.ts'
import { conversationExample } from './examples.ts'
import { traceTraining } from './programs.ts'
import { initializeWeights } from './weights.ts'

const tokenizer = loadTokenizerJson(JSON.parse(JSON.stringify(tinyTokenizerJson)))
const model = modelFromConfig({
  model_type: 'phi3',
  vocab_size: 320,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 128,
})
const optimizer = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0, decayVectors: false }

/** The loss of every prediction that counts, in the order of the rows, of all examples in one batch. */
async function lossesOf(examples: readonly Example[], rows: number): Promise<number[]> {
  // What comes behind them fits nowhere.
  const last: Example = { ids: new Array<number>(rows).fill(0) }
  const batch = packBatch({ example: (index) => examples[index] ?? last }, 0, rows, rows)
  const programs = traceTraining(model, rows, optimizer)
  const device = await wasmBackend({ mode: 'inline' }).open([programs.evaluate])
  try {
    for (const [name, values] of programs.buffers) device.write(name, values)
    initializeWeights(device, programs.parameters, model.shape.layers, 7)
    const losses: number[] = []
    for (const [row, target] of batch.inputs.targets.entries()) {
      if (target < 0) continue
      const weights = new Float32Array(rows)
      weights[row] = 1
      const { loss } = await device.run('evaluate', { ...batch.inputs, weights })
      losses.push(present(loss?.[0], 'loss'))
    }
    return losses
  } finally {
    await device.dispose()
  }
}

test('conversations in one row of a batch have the loss of every token that each has by itself', async () => {
  const examples = [
    ['how are you?', 'I am well.'],
    ['hello', 'hello there'],
    ['who are you?', 'the old ship'],
  ].map(([question = '', answer = '']) =>
    conversationExample(tokenizer, [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ]),
  )
  const rows = examples.reduce((sum, { ids }) => sum + ids.length, 0)
  const packed = await lossesOf(examples, rows)
  const alone: number[] = []
  for (const example of examples) alone.push(...(await lossesOf([example], rows)))
  expect(packed.length).toBe(examples.reduce((sum, { learned }) => sum + (learned?.filter(Boolean).length ?? 0), 0))
  packed.forEach((loss, index) => expect(loss).toBeCloseTo(alone[index] ?? NaN, 5))
  // Other losses than those of one long text: the words before would be seen.
  const joined = {
    ids: examples.flatMap(({ ids }) => ids),
    learned: examples.flatMap(({ learned = [] }) => learned),
  }
  const mixed = await lossesOf([joined], rows)
  expect(Math.max(...mixed.map((loss, index) => Math.abs(loss - (alone[index] ?? NaN))))).toBeGreaterThan(1e-3)
})
