/** Pictures in examples and batches, against what the engine makes of the same conversation. */
import { describe, expect, test } from 'vitest'
import { wasmBackend } from '../../backends/wasm/index.ts'
import { encodePictured, renderConversation } from '../../engine/picture-text.ts'
import { loadModel } from '../../engine/load-model.ts'
import { tinyEyes, tinyFiles } from '../../engine/tiny-model-harness.ts'
import { openSafetensors } from '../../formats/safetensors.ts'
import { memoryFolder } from '../../formats/tree.ts'
import { modelFromConfig } from '../../models/index.ts'
import { pictureTokenKinds, preparePicture, type Pixels } from '../../vision/index.ts'
import { viewPicture } from '../../engine/pictures.ts'
import { packBatch } from './batches.ts'
import { conversationExample } from './examples.ts'
import { eyesOf, LearnedPicture, seeBatch } from './pictures.ts'
import { openedPrograms, traceTraining } from './programs.ts'
import { readWeights } from './weights.ts'

const files = await tinyFiles({
  tidy: true,
  config: tinyEyes,
})
files.set('tokenizer_config.json', new TextEncoder().encode('{"tokenizer_class": "LlamaTokenizer"}'))
const optimizer = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0, decayVectors: false }

function stripes(width: number, height: number, period: number): Pixels {
  const data = new Uint8Array(width * height * 4)
  for (let at = 0; at < data.length; at++) data[at] = at % 4 === 3 ? 255 : (Math.floor(at / 4) % period) * 20
  return { width, height, data }
}

test('separators are where the engine puts them', async () => {
  const prepared = preparePicture(stripes(60, 40, 7), 4)
  const one = (value: number): Float32Array => Float32Array.of(value)
  const values = await viewPicture(prepared, { rows: 1, patchValues: 3, width: 1 }, async () => {
    return { tokens: new Float32Array(144).fill(1), lineEnd: one(2), viewEnd: one(3) }
  })
  const kinds = { part: 1, lineEnd: 2, viewEnd: 3 }
  expect([...values]).toEqual(pictureTokenKinds(prepared.layout).map((kind) => kinds[kind]))
})

describe('a conversation with pictures', () => {
  const said = [
    { role: 'user', content: 'what is it?' },
    { role: 'assistant', content: 'the old ship' },
    { role: 'user', content: 'and these?' },
    { role: 'assistant', content: 'the sea and the wind' },
  ] as const
  const shown = [[stripes(60, 40, 7)], [], [stripes(9, 9, 4), stripes(30, 30, 3)], []]

  test('has the ids that the engine asks with, and its losses are those of its answers', async () => {
    await using model = await loadModel(files, { backend: 'wasm', context: 1024, exact: true, template: 'phi-3-mini' })
    const { tokenizer, template } = model
    const messages = said.map((message, index) => ({
      ...message,
      pictures: (shown[index] ?? []).map((pixels) => new LearnedPicture(pixels, 1)),
    }))
    const example = conversationExample(tokenizer, messages)
    const pictures = await Promise.all(shown.flat().map((pixels) => model.picture(pixels, { tiles: 1 })))
    let next = 0
    const asked = said.slice(0, 3).map((message, index) => ({
      ...message,
      pictures: pictures.slice(next, (next += shown[index]?.length ?? 0)),
    }))
    const engineIds = encodePictured(tokenizer, renderConversation(template, asked))
    const numbers = engineIds.map((id) => (id < 0 ? -1 - pictures.findIndex((picture) => picture.has(id)) : id))
    expect(example.ids.slice(0, numbers.length)).toEqual(numbers)
    expect(example.pictures).toHaveLength(3)

    // The loss of a batch is that of the engine's own logits.
    const rows = example.ids.length + 3
    const batch = packBatch({ example: () => example }, 0, rows, rows)
    const programs = traceTraining(modelFromConfig(model.config), rows, optimizer)
    const device = await wasmBackend({ threads: 1 }).open(openedPrograms(programs))
    try {
      for (const [name, values] of programs.buffers) device.write(name, values)
      const weights = await openSafetensors(memoryFolder(files))
      await readWeights(weights, device, [...programs.parameters, ...programs.frozen])
      const seen = await seeBatch(batch, eyesOf(modelFromConfig(model.config), device))
      const { loss } = await device.run('evaluate', seen.inputs)

      const used = new Map<number, number>()
      const ids = example.ids.map((id) => {
        if (id >= 0) return id
        const at = used.get(id) ?? 0
        used.set(id, at + 1)
        return pictures[-1 - id]?.ids[at] ?? 0
      })
      const sequence = await model.engine.open(ids, { pictures })
      const losses: number[] = []
      await sequence.rows(0, (row, logits) => {
        const target = batch.inputs.targets[row] ?? -100
        if (target < 0) return
        const most = Math.max(...logits)
        const total = logits.reduce((sum, value) => sum + Math.exp(value - most), 0)
        losses.push(Math.log(total) + most - (logits[target] ?? NaN))
      })
      sequence.close()
      expect(losses).toHaveLength(batch.learnedTokens)
      const mean = losses.reduce((sum, value) => sum + value, 0) / losses.length
      expect(loss?.[0]).toBeCloseTo(mean, 4)
    } finally {
      await device.dispose()
    }
  })
})

describe('a batch', () => {
  const picture = (): LearnedPicture => new LearnedPicture(stripes(9, 9, 4), 1)
  const parts = (id: number): number[] => Array.from({ length: 313 }, () => id)

  test('says where pictures are, also when an example is cut within one', () => {
    const [one, two] = [picture(), picture()]
    const first = {
      ids: [5, ...parts(-1), 6, 7],
      learned: [5, ...parts(-1), 6, 7].map((id) => id === 7),
      pictures: [one],
    }
    const second = { ids: [...parts(-1), ...parts(-2)], pictures: [one, two] }
    const { pictures, inputs, learnedTokens } = packBatch(
      { example: (index) => [first, second][index] ?? first },
      0,
      750,
      400,
    )
    expect(pictures).toEqual([
      { picture: one, row: 1, count: 313 },
      { picture: one, row: 316, count: 313 },
      { picture: two, row: 316 + 313, count: 400 - 313 },
    ])
    expect([...inputs.ids].filter((id) => id !== 0)).toEqual([5, 6, 7])
    expect(learnedTokens).toBe(1)
    expect(inputs.targets[314]).toBe(7)
  })

  test('of a model that does not see stays as it is', async () => {
    const batch = packBatch({ example: () => ({ ids: [1, 2, 3] }) }, 0, 4, 4)
    expect(await seeBatch(batch, undefined)).toBe(batch)
  })
})
