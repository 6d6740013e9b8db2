import { beforeAll, describe, expect, it } from 'vitest'
import type { Backend, RunInputs } from '../backends/backend.ts'
import { wasmBackend } from '../backends/wasm/index.ts'
import { loadCheckpoint } from '../engine/load.ts'
import { someIds, tinyConfig, tinyFiles } from '../engine/tiny-model-harness.ts'
import { logicalType, readLogicalFloat32 } from '../formats/packed-checkpoint.ts'
import { openSafetensors } from '../formats/safetensors.ts'
import { memoryFolder } from '../formats/tree.ts'
import { modelFromConfig } from '../models/index.ts'
import { calibrationBatches } from './calibration-text.ts'
import { memoryStore, type PackedStore } from './packed-store.ts'
import { quantize, type QuantizeOptions } from './quantize.ts'
import type { TensorError } from './rounding.ts'

/** Ids from a few, so that what the matrices are multiplied with has something in common. */
const vocabulary = 8
const sizes = { hidden_size: 64, intermediate_size: 192, num_attention_heads: 4, num_key_value_heads: 2 }
const group = 64

type Files = Map<string, Uint8Array>

interface Packed {
  readonly files: Files
  readonly errors: readonly TensorError[]
}

let files: Files
let batches: RunInputs[]

const someSequence = (length: number, seed: number): number[] =>
  someIds(length, seed).map((id) => 3 + (id % vocabulary))

beforeAll(async () => {
  files = await tinyFiles({ config: sizes })
  const { shape } = modelFromConfig(tinyConfig({ config: sizes }))
  batches = calibrationBatches(shape, [someSequence(100, 1), someSequence(3000, 2)], 2048)
})

const inline = (): Backend => wasmBackend({ threads: 0 })

async function pack(from: Files, options: QuantizeOptions): Promise<Packed> {
  const model = modelFromConfig(JSON.parse(new TextDecoder().decode(from.get('config.json'))))
  const { file, errors } = quantize(model, await openSafetensors(memoryFolder(from)), { group, ...options })
  const pieces: Uint8Array[] = []
  for await (const piece of file) pieces.push(piece)
  const bytes = new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer())
  return { files: new Map([...from, ['model.safetensors', bytes]]), errors }
}

async function calibrated(from: Files, options: QuantizeOptions = {}, backend = inline()): Promise<Packed> {
  return await pack(from, { rounding: 'search', calibration: { backend, batches, store: memoryStore() }, ...options })
}

async function logitsOf(from: Files): Promise<Float32Array> {
  const options = { context: 256, maxRows: 64, exact: true }
  const engine = await loadCheckpoint(memoryFolder(from), inline(), options)
  try {
    return (await (await engine.open(someSequence(200, 77))).logits()).slice()
  } finally {
    await engine.dispose()
  }
}

function distance(found: Float32Array, reference: Float32Array): number {
  let [error, size] = [0, 0]
  for (let at = 0; at < reference.length; at++) {
    error += ((found[at] as number) - (reference[at] as number)) ** 2
    size += (reference[at] as number) ** 2
  }
  return Math.sqrt(error / size)
}

const eightBits = (name: string): boolean => name.includes('embed_tokens')

describe('quantize with calibration', () => {
  it('comes closer to the model on other text of the same kind than the best rounding does', async () => {
    const reference = await logitsOf(files)
    const { files: fitted, errors } = await calibrated(files, { eightBits })
    const { files: rounded, errors: roundedErrors } = await pack(files, { rounding: 'search', eightBits })
    const [near, far] = [distance(await logitsOf(fitted), reference), distance(await logitsOf(rounded), reference)]
    expect(near).toBeLessThan(0.5 * far)
    // The weights themselves are further from what they were: what counts is what they make of the text.
    for (const { name, relativeError, outputError } of errors) {
      const alone = roundedErrors.find((other) => other.name === name)?.relativeError ?? NaN
      if (eightBits(name)) expect([relativeError, outputError]).toEqual([alone, undefined])
      else {
        expect(relativeError).toBeGreaterThan(alone)
        expect(outputError).toBeLessThan(0.7 * alone)
        expect(outputError).toBeGreaterThan(0.05 * alone)
      }
    }
  })

  it('packs every matrix in its format, and says how far it is from what it was', async () => {
    const { files: fitted, errors } = await calibrated(files, {
      eightBits: (name) => name.includes('layers.1.mlp.down'),
    })
    const [before, after] = [await openSafetensors(memoryFolder(files)), await openSafetensors(memoryFolder(fitted))]
    const matrices = before.names().filter((name) => before.info(name).shape.length === 2)
    expect(errors.map(({ name }) => name).sort()).toEqual(matrices)
    for (const { name, relativeError } of errors) {
      const bits = name.includes('layers.1.mlp.down') ? 8 : 4
      expect(logicalType(after, name)).toEqual({ dtype: `q${bits}g64`, shape: before.info(name).shape })
      const measured = distance(await readLogicalFloat32(after, name), await before.readFloat32(name))
      expect(relativeError / measured).toBeCloseTo(1, 6)
    }
  })

  it('gives the same bytes each time, with one device for all layers', async () => {
    const first = await calibrated(files)
    const opened: string[][] = []
    const backend = inline()
    const watching: Backend = {
      ...backend,
      open: (programs) => {
        opened.push(programs.map(({ name }) => name))
        return backend.open(programs)
      },
    }
    const second = await calibrated(files, {}, watching)
    expect(second.files.get('model.safetensors')).toEqual(first.files.get('model.safetensors'))
    // Embeddings, both layers, head.
    expect(opened).toHaveLength(3)
  })

  it('rounds a head that is tied to the embeddings with them, before anything else', async () => {
    const tied = await tinyFiles({ config: { ...sizes, tie_word_embeddings: true } })
    const { errors } = await calibrated(tied)
    expect(errors.map(({ outputError }) => outputError === undefined)).toEqual([true, ...Array(8).fill(false)])
    expect(errors[0]?.name).toBe('model.embed_tokens.weight')
  })

  it('reads a matrix when its layer is reached, and writes only when all are done', async () => {
    const read: string[] = []
    const checkpoint = await openSafetensors(memoryFolder(files))
    const watching = {
      ...checkpoint,
      readFloat32: (...args: Parameters<typeof checkpoint.readFloat32>) => {
        read.push(args[0])
        return checkpoint.readFloat32(...args)
      },
    }
    const store = memoryStore()
    const stages: string[] = []
    const model = modelFromConfig(tinyConfig({ config: sizes }))
    const { file } = quantize(model, watching, {
      group,
      calibration: { backend: inline(), batches, store },
      onProgress: ({ stage, done, total }) => stages.push(`${stage} ${done}/${total}`),
    })
    await file.next()
    const matrices = read.filter((name) => checkpoint.info(name).shape.length === 2)
    const layers = matrices.map((name) => /layers\.(\d)/.exec(name)?.[1] ?? name.split('.')[0])
    expect([...new Set(layers)]).toEqual(['model', '0', '1', 'lm_head'])
    expect(layers.lastIndexOf('0')).toBeLessThan(layers.indexOf('1'))
    expect(stages[0]).toBe('quantising 1/10')
    expect(stages).toContain('layer.1: reading batch 2 of 2 5/10')
    expect(stages.at(-1)).toBe('quantising 10/10')
    await file.return()
  })

  it('fits each matrix to its own inputs alone, on the whole text', async () => {
    const energies: number[] = []
    const backend = inline()
    const watching: Backend = {
      ...backend,
      open: async (programs) => {
        const device = await backend.open(programs)
        const read = device.read.bind(device)
        device.read = async (name) => {
          const moments = await read(name)
          const width = Math.sqrt(moments.length)
          const diagonal = moments.filter((_, at) => at % (width + 1) === 0)
          energies.push(diagonal.reduce((sum, value) => sum + value, 0) / (2048 * width))
          return moments
        }
        return device
      },
    }
    await calibrated(files, {}, watching)
    // What comes out of a norm has a mean square of about 1: before attention, before the feed-forward part, before the head.
    for (const matrix of [0, 2, 4, 6, 8]) expect(Math.abs((energies[matrix] ?? NaN) - 1)).toBeLessThan(0.1)
  })

  it('reads the store to the end of every tensor, so that no file stays open', async () => {
    const store = memoryStore()
    let open = 0
    const watching: PackedStore = {
      append: (name, piece) => store.append(name, piece),
      async *pieces(name) {
        open++
        try {
          yield* store.pieces(name)
        } finally {
          open--
        }
      },
    }
    await calibrated(files, { calibration: { backend: inline(), batches, store: watching } })
    expect(open).toBe(0)
  })

  it('stops within a matrix when it is aborted, and gives the device back', async () => {
    const controller = new AbortController()
    let disposed = 0
    const backend = inline()
    const watching: Backend = {
      ...backend,
      open: async (programs) => {
        const device = await backend.open(programs)
        const dispose = device.dispose.bind(device)
        device.dispose = () => {
          disposed++
          return dispose()
        }
        return device
      },
    }
    const work = calibrated(
      files,
      {
        signal: controller.signal,
        onProgress: ({ stage }) => {
          if (stage === 'layer.0: reading batch 2 of 2') controller.abort()
        },
      },
      watching,
    )
    await expect(work).rejects.toMatchObject({ code: 'aborted' })
    expect(disposed).toBe(2)
  })

  it('refuses weights that are not finite, by name', async () => {
    const broken = new Map(files)
    const bytes = files.get('model.safetensors')?.slice() as Uint8Array
    const view = new DataView(bytes.buffer)
    view.setFloat32(8 + Number(view.getBigUint64(0, true)), NaN, true)
    broken.set('model.safetensors', bytes)
    await expect(pack(broken, {})).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/"lm_head.weight" .*not finite.*NaN in row 0/),
    })
  })
})
