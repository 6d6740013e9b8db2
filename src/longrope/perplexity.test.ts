import { beforeAll, describe, expect, test } from 'vitest'
import { wasmBackend } from '../backends/wasm/index.ts'
import { Random } from '../base/random.ts'
import { tinyConfig, tinyFiles } from '../engine/tiny-model-harness.ts'
import { logProbabilities } from '../engine/sampling.ts'
import { memoryFolder } from '../formats/tree.ts'
import { loadModel } from '../index.ts'
import { openReader, type DocumentReader } from './perplexity.ts'
import { extended } from './rope-scaling.ts'

const backend = wasmBackend({ mode: 'inline' })
const [trained, length, scale] = [256, 600, 1.1]
const ones = [1, 1, 1, 1]
const factors = [1, 1.7, 3, 5]

let files: Map<string, Uint8Array>
beforeAll(async () => {
  files = await tinyFiles({ seed: 7 })
})

function documentsOf(count: number, tokens: number): number[][] {
  const random = new Random(tokens)
  return Array.from({ length: count }, () => Array.from({ length: tokens }, () => random.integer(3, 300)))
}

async function withReader<T>(tokens: number, action: (reader: DocumentReader) => Promise<T>): Promise<T> {
  const reader = await openReader(memoryFolder(files), backend, { length: tokens, scale, exact: true })
  try {
    return await action(reader)
  } finally {
    await reader.dispose()
  }
}

/** The mean loss of documents as the loaded model with these factors has it. */
async function loadedLoss(documents: readonly (readonly number[])[]): Promise<number> {
  const extension = { trained, length, shortFactors: ones, longFactors: factors, scales: { short: scale, long: scale } }
  const config = new TextEncoder().encode(JSON.stringify(extended(tinyConfig(), extension)))
  await using model = await loadModel(new Map([...files, ['config.json', config]]), {
    backend,
    exact: true,
    context: length,
  })
  let [sum, count] = [0, 0]
  for (const ids of documents) {
    const logits = await model.logits(ids)
    const width = logits.length / ids.length
    for (let row = 0; row + 1 < ids.length; row++) {
      sum -= logProbabilities(logits.subarray(row * width, (row + 1) * width), ids[row + 1] ?? 0, 0).chosen.logprob
      count++
    }
  }
  return sum / count
}

describe('a reader of documents', () => {
  test('has the loss of the model that is written with the factors, in several passes', async () => {
    const documents = documentsOf(2, length)
    const loss = await withReader(length, async (reader) => await reader.lossOf({ factors, startTokens: 0 }, documents))
    expect(loss).toBeCloseTo(await loadedLoss(documents), 5)
  })

  test('takes one candidate after another without a trace of the one before', async () => {
    const documents = documentsOf(1, length)
    await withReader(length, async (reader) => {
      const first = await reader.lossOf({ factors, startTokens: 0 }, documents)
      const other = await reader.lossOf({ factors: [1, 1, 1, 1], startTokens: 0 }, documents)
      expect(Math.abs(other - first)).toBeGreaterThan(1e-6)
      expect(await reader.lossOf({ factors, startTokens: 0 }, documents)).toBe(first)
    })
  })

  test('reads short documents side by side as one by one', async () => {
    const documents = documentsOf(11, 100)
    await withReader(100, async (reader) => {
      const together = await reader.lossOf({ factors, startTokens: 0 }, documents)
      let sum = 0
      for (const document of documents) sum += await reader.lossOf({ factors, startTokens: 0 }, [document])
      expect(together).toBeCloseTo(sum / documents.length, 5)
    })
  })

  test('leaves start tokens alone', async () => {
    const documents = documentsOf(1, length)
    await withReader(length, async (reader) => {
      const plain = await reader.lossOf({ factors: ones, startTokens: 0 }, documents)
      const all = await reader.lossOf({ factors, startTokens: length }, documents)
      expect(all).toBe(plain)
      const some = await reader.lossOf({ factors, startTokens: 16 }, documents)
      expect(some).not.toBe(plain)
      expect(some).not.toBe(await reader.lossOf({ factors, startTokens: 0 }, documents))
    })
  })
})
