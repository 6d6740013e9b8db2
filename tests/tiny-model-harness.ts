/** Tiny models of any architecture, with random weights in the published layout: what every one of them has to do. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { Backend } from '../src/backends/backend.ts'
import { referenceBackend } from '../src/backends/ref/index.ts'
import { wasmBackend } from '../src/backends/wasm/index.ts'
import { PocketPhiError } from '../src/base/errors.ts'
import { Random } from '../src/base/random.ts'
import { loadCheckpoint } from '../src/engine/load.ts'
import { floatEntry, safetensorsBytes } from '../src/formats/safetensors-writer.ts'
import { openSafetensors } from '../src/formats/safetensors.ts'
import { memoryFolder } from '../src/formats/tree.ts'
import { modelFromConfig } from '../src/models/index.ts'
import { configuredTensors } from '../src/quant/random-weights.ts'
import { quantize, type QuantizeOptions } from '../src/quant/quantize.ts'

export type Files = Map<string, Uint8Array>

/** The published layout of a random model: its weights start as those of a model that is trained from nothing. @param extra names of tensors that the model does not know */
export async function filesOf(
  config: Readonly<Record<string, unknown>>,
  extra: readonly string[] = [],
): Promise<Files> {
  const random = new Random(7)
  const entries = configuredTensors(config, 7).map(({ name, shape, elements, start }) => {
    const values = start()(elements)
    // Biases of 0 and norms of 1 would not show whether they are read.
    if (shape.length === 1) values.forEach((value, index) => (values[index] = value + random.float() - 0.5))
    return floatEntry(name, shape, values)
  })
  for (const name of extra) entries.push(floatEntry(name, [2, 64], new Float32Array(128)))
  return new Map([
    ['config.json', new TextEncoder().encode(JSON.stringify(config))],
    ['model.safetensors', await safetensorsBytes(entries)],
  ])
}

export async function packed(files: Files, config: unknown, options: QuantizeOptions): Promise<Files> {
  const { file } = quantize(modelFromConfig(config), await openSafetensors(memoryFolder(files)), options)
  const pieces: Uint8Array[] = []
  for await (const piece of file) pieces.push(piece)
  const bytes = new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer())
  return new Map([...files, ['model.safetensors', bytes]])
}

/** A prompt over three pages of the cache, and a few tokens that come one by one. */
export const [promptTokens, decodedTokens] = [150, 4]

/** The ids that `logitsOf` reads. */
export const tinyIds = Array.from({ length: promptTokens + decodedTokens }, (_, index) => (index * 37 + 11) % 89)

/** Logits of every row, [positions, vocabulary]. @param exact f32 activations */
export async function logitsOf(files: Files, backend: Backend, exact: boolean): Promise<Float32Array> {
  const engine = await loadCheckpoint(memoryFolder(files), backend, {
    context: 192,
    maxRows: 64,
    exact,
    cacheType: 'f32',
  })
  try {
    const ids = tinyIds
    const sequence = await engine.open(ids.slice(0, promptTokens))
    const logits = new Float32Array(ids.length * engine.vocabulary)
    await sequence.rows(0, (row, values) => logits.set(values, row * engine.vocabulary))
    for (let row = promptTokens; row < ids.length; row++) {
      sequence.append(ids.slice(row, row + 1))
      logits.set(await sequence.logits(), row * engine.vocabulary)
    }
    return logits
  } finally {
    await engine.dispose()
  }
}

export function largestDifference(left: Float32Array, right: Float32Array): number {
  return left.reduce(
    (most, value, index) => Math.max(most, value === right[index] ? 0 : Math.abs(value - (right[index] ?? NaN))),
    0,
  )
}

/** Compares backends on a model, in f32 and packed to 4 bits. @param config of 96 tokens, 64 wide, with at least 192 positions */
export function describeTinyModel(type: string, config: Readonly<Record<string, unknown>>): void {
  describe(`a tiny ${type}`, () => {
    let files: Files
    beforeAll(async () => {
      files = await filesOf(config)
    })

    it('has the logits of the oracle on wasm, over several pages and token by token', async () => {
      const expected = await logitsOf(files, referenceBackend(), true)
      const found = await logitsOf(files, wasmBackend({ threads: 0 }), true)
      expect(largestDifference(found, expected)).toBeLessThan(1e-4)
    })

    it.each([true, false])('packs to 4 bits, with the logits of the oracle on wasm (exact: %s)', async (exact) => {
      const four = await packed(files, config, { bits: 4, group: 32 })
      const expected = await logitsOf(four, referenceBackend(), exact)
      const found = await logitsOf(four, wasmBackend({ threads: 0 }), exact)
      // Rounded activations may fall on the other side of a tie, and near scores of experts change places.
      expect(largestDifference(found, expected)).toBeLessThan(exact ? 2e-4 : 0.2)
      expect(largestDifference(expected, await logitsOf(files, referenceBackend(), true))).toBeGreaterThan(1e-3)
    })

    it('is refused with a tensor that it does not know, by its name', async () => {
      const more = await filesOf(config, ['model.layers.0.mystery.weight'])
      const refusal = expect.objectContaining({
        code: 'invalid-file',
        message: expect.stringContaining('0.mystery.weight'),
      })
      await expect(logitsOf(more, referenceBackend(), true)).rejects.toEqual(refusal)
      await expect(packed(more, config, {})).rejects.toThrow(PocketPhiError)
    })
  })
}
