import { describe, expect, it } from 'vitest'
import type { Backend, RunInputs } from '../backends/backend.ts'
import { referenceBackend } from '../backends/ref/index.ts'
import { wasmBackend } from '../backends/wasm/index.ts'
import { fillParameters } from '../engine/load.ts'
import { formatsOf } from '../engine/weights.ts'
import { someIds, tinyConfig, tinyFiles, type TinyOptions } from '../engine/tiny-model-harness.ts'
import { openSafetensors } from '../formats/safetensors.ts'
import { memoryFolder } from '../formats/tree.ts'
import { modelFromConfig, type Model } from '../models/index.ts'
import { traceSequences } from '../models/trace.ts'
import { ignoredTarget } from '../program/ops/index.ts'
import { quantize } from './quantize.ts'
import { stagedLoss, type LossBatch } from './staged-loss.ts'
import { addLoss } from './stages.ts'

const rows = 24
const sizes = { hidden_size: 64, intermediate_size: 96, num_attention_heads: 8 }
/** What one stage hands to the next of one batch. */
const batchBytes = rows * sizes.hidden_size * 4

const inline = (): Backend => wasmBackend({ threads: 0 })

/** A backend that notes the bytes of the parameters of every device, and how many were given back. */
function watched(): { backend: Backend; opened: number[]; counts: { disposed: number } } {
  const backend = inline()
  const opened: number[] = []
  const counts = { disposed: 0 }
  const open: Backend['open'] = async (programs) => {
    const device = await backend.open(programs)
    opened.push(device.memory.parameters)
    const dispose = device.dispose.bind(device)
    device.dispose = () => {
      counts.disposed++
      return dispose()
    }
    return device
  }
  return { backend: { ...backend, open }, opened, counts }
}

/** Two sequences and a row of padding; of the second one not everything is to be learned. */
function batch(seed: number): LossBatch {
  const ids = Int32Array.from(someIds(rows, seed))
  const isPadding = (row: number): boolean => row === rows - 1
  const targets = Int32Array.from({ length: rows }, (_, row) =>
    row === 9 || row > rows - 3 - seed ? ignoredTarget : (ids[row + 1] ?? 0),
  )
  const learnedTokens = targets.filter((target) => target !== ignoredTarget).length
  const inputs: RunInputs = {
    ids,
    positions: Int32Array.from({ length: rows }, (_, row) => (row < 10 ? row : row - 10)),
    starts: Int32Array.from({ length: rows }, (_, row) => (isPadding(row) ? -1 : row < 10 ? 0 : 10)),
    regimes: new Int32Array(rows),
    targets,
    weights: new Float32Array(rows).fill(1 / learnedTokens),
  }
  return { inputs, learnedTokens }
}

const batches = [1, 2, 3, 4, 5].map(batch)

async function packed(files: Map<string, Uint8Array>, model: Model): Promise<Map<string, Uint8Array>> {
  const pieces: Uint8Array[] = []
  const eightBits = (name: string): boolean => name.includes('layers.1')
  const { file } = quantize(model, await openSafetensors(memoryFolder(files)), { eightBits })
  for await (const piece of file) pieces.push(piece)
  const bytes = new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer())
  return new Map([...files, ['model.safetensors', bytes]])
}

async function wholeLoss(model: Model, files: Map<string, Uint8Array>, exact: boolean): Promise<number> {
  const checkpoint = await openSafetensors(memoryFolder(files))
  const traced = traceSequences(model, 'whole', rows, formatsOf(checkpoint, exact))
  addLoss(traced, rows)
  const device = await inline().open([traced.trace.finish()])
  await fillParameters(device, checkpoint, traced)
  let [sum, tokens] = [0, 0]
  for (const { inputs, learnedTokens } of batches) {
    const { loss } = await device.run('whole', inputs)
    sum += (loss?.[0] ?? NaN) * learnedTokens
    tokens += learnedTokens
  }
  await device.dispose()
  return sum / tokens
}

const cases: readonly { what: string; options: TinyOptions; isPacked: boolean; exact: boolean }[] = [
  { what: 'plain weights', options: {}, isPacked: false, exact: false },
  { what: 'tied embeddings', options: { config: { tie_word_embeddings: true } }, isPacked: false, exact: false },
  { what: 'bf16 weights and LongRoPE', options: { dtype: 'BF16', border: 64 }, isPacked: false, exact: false },
  { what: 'weights of 4 and 8 bits', options: {}, isPacked: true, exact: false },
  { what: 'the same without rounding activations', options: {}, isPacked: true, exact: true },
  { what: 'tied tables of 4 bits', options: { config: { tie_word_embeddings: true } }, isPacked: true, exact: false },
]

describe('stagedLoss', () => {
  it.each(cases)('is that of the whole model: $what', async ({ options, isPacked, exact }) => {
    const sized = { ...options, config: { ...sizes, ...options.config } }
    const model = modelFromConfig(tinyConfig(sized))
    const plain = await tinyFiles(sized)
    const files = isPacked ? await packed(plain, model) : plain
    const expected = await wholeLoss(model, files, exact)
    // What an int8 activation or a weight of 4 bits changes is seen.
    if (isPacked) expect(Math.abs(expected - (await wholeLoss(model, plain, false)))).toBeGreaterThan(1e-4)
    for (const waitingBytes of [undefined, 2 * batchBytes, 1]) {
      const checkpoint = await openSafetensors(memoryFolder(files))
      const limit = waitingBytes === undefined ? {} : { waitingBytes }
      const loss = await stagedLoss(model, checkpoint, batches, { backend: inline(), rows, exact, ...limit })
      expect(Math.abs(loss / expected - 1)).toBeLessThan(1e-6)
    }
  })

  it('agrees with the oracle', async () => {
    const model = modelFromConfig(tinyConfig({ config: sizes }))
    const files = await tinyFiles({ config: sizes })
    const checkpoint = await openSafetensors(memoryFolder(files))
    const loss = await stagedLoss(model, checkpoint, batches, { backend: referenceBackend(), rows })
    expect(Math.abs(loss / (await wholeLoss(model, files, false)) - 1)).toBeLessThan(1e-5)
  })

  it('holds the weights of one stage, and keeps no more waiting than it may', async () => {
    const layers = { ...sizes, num_hidden_layers: 5 }
    const model = modelFromConfig(tinyConfig({ config: layers }))
    const checkpoint = await openSafetensors(memoryFolder(await tinyFiles({ config: layers })))
    const { backend, opened, counts } = watched()
    const seen: string[] = []
    const options = { rows, backend, waitingBytes: 3 * batchBytes }
    await stagedLoss(model, checkpoint, batches, {
      ...options,
      onProgress: ({ stage, done, total }) => seen.push(`${stage} ${done}/${total}`),
    })
    // Embeddings, layers, norm and head, in two sweeps.
    expect(opened).toHaveLength(8)
    expect(counts.disposed).toBe(8)
    expect(opened.slice(4)).toEqual(opened.slice(0, 4))
    const oneLayer = (64 * (64 + 32 + 64 + 2 * 96 + 96) + 2 * 64) * 4
    expect(opened[1]).toBeGreaterThanOrEqual(oneLayer)
    expect(opened[1]).toBeLessThan(1.1 * oneLayer)
    expect(seen[0]).toBe('measuring embeddings 1/40')
    expect(seen[24]).toBe('measuring embeddings 25/40')
    expect(seen.at(-1)).toBe('measuring head 40/40')
  })

  it('stops when it is aborted, and gives the device back', async () => {
    const model = modelFromConfig(tinyConfig({ config: sizes }))
    const checkpoint = await openSafetensors(memoryFolder(await tinyFiles({ config: sizes })))
    const controller = new AbortController()
    const { backend, counts } = watched()
    const work = stagedLoss(model, checkpoint, batches, {
      backend,
      rows,
      signal: controller.signal,
      onProgress: ({ stage }) => {
        if (stage === 'measuring layer.0') controller.abort()
      },
    })
    await expect(work).rejects.toMatchObject({ code: 'aborted' })
    expect(counts.disposed).toBe(2)
  })

  it('refuses tensors that are not those of the model', async () => {
    const model = modelFromConfig(tinyConfig({ config: { ...sizes, num_hidden_layers: 3 } }))
    const checkpoint = await openSafetensors(memoryFolder(await tinyFiles({ config: sizes })))
    const work = stagedLoss(model, checkpoint, batches, { backend: inline(), rows })
    await expect(work).rejects.toMatchObject({ code: 'invalid-file' })
  })
})
