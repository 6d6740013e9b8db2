import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Progress } from '../base/progress.ts'
import { packMatrix } from '../blocks/packed.ts'
import { loadModel } from '../engine/load-model.ts'
import { someIds, tinyConfig } from '../engine/tiny-model-harness.ts'
import type { FileOperation } from '../formats/atomic.ts'
import { logicalType, readLogicalFloat32 } from '../formats/packed-checkpoint.ts'
import { openSafetensors, type Checkpoint } from '../formats/safetensors.ts'
import { localFolder } from '../formats/tree.ts'
import { initModel, type InitOptions } from './init.ts'
import { configuredTensors } from './random-weights.ts'

const config = tinyConfig({
  config: { hidden_size: 64, intermediate_size: 192, vocab_size: 700, num_attention_heads: 4, initializer_range: 0.05 },
})

let root = ''

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pocket-phi-init-'))
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

const out = (name = 'model'): string => join(root, name)

async function opened<T>(name: string, use: (checkpoint: Checkpoint) => Promise<T>): Promise<T> {
  const checkpoint = await openSafetensors(localFolder(out(name)))
  try {
    return await use(checkpoint)
  } finally {
    await checkpoint.close()
  }
}

/** All tensors of a model folder as f32. */
async function tensorsOf(name: string): Promise<Map<string, Float32Array>> {
  return await opened(name, async (checkpoint) => {
    const tensors = new Map<string, Float32Array>()
    for (const tensor of checkpoint.names()) tensors.set(tensor, await readLogicalFloat32(checkpoint, tensor))
    return tensors
  })
}

async function logitsOf(name: string): Promise<Float32Array> {
  await using model = await loadModel(out(name), { backend: 'ref', context: 64, maxRows: 16, exact: true })
  return (await model.logits(someIds(12, 3))).slice()
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

function moments(values: Float32Array): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return { mean, deviation: Math.sqrt(square) }
}

describe('the published layout', () => {
  it('has the tensors of the published state dictionary, in bf16', async () => {
    const { bytes, files, parameters } = await initModel(config, out(), { seed: 1 })
    expect(files).toEqual(['model.safetensors'])
    const shapes = await opened('model', async (checkpoint) =>
      Object.fromEntries(
        checkpoint.names().map((name) => {
          const { dtype, shape } = checkpoint.info(name)
          return [name, `${dtype} ${shape.join(' ')}`]
        }),
      ),
    )
    const layer = (index: number): Record<string, string> => ({
      [`model.layers.${index}.input_layernorm.weight`]: 'BF16 64',
      [`model.layers.${index}.mlp.down_proj.weight`]: 'BF16 64 192',
      [`model.layers.${index}.mlp.gate_up_proj.weight`]: 'BF16 384 64',
      [`model.layers.${index}.post_attention_layernorm.weight`]: 'BF16 64',
      [`model.layers.${index}.self_attn.o_proj.weight`]: 'BF16 64 64',
      [`model.layers.${index}.self_attn.qkv_proj.weight`]: 'BF16 128 64',
    })
    expect(shapes).toEqual({
      'lm_head.weight': 'BF16 700 64',
      'model.embed_tokens.weight': 'BF16 700 64',
      ...layer(0),
      ...layer(1),
      'model.norm.weight': 'BF16 64',
    })
    expect(parameters).toBe(2 * 700 * 64 + 2 * (2 * 64 + 64 * 192 + 384 * 64 + 64 * 64 + 128 * 64) + 64)
    expect(bytes).toBe(2 * parameters)
    expect(JSON.parse(readFileSync(join(out(), 'config.json'), 'utf8'))).toEqual(config)
  })

  it('has normal matrices of the deviation of the configuration, smaller ones into the residual stream, norms near 1', async () => {
    await initModel(config, out(), { seed: 1 })
    const tensors = await tensorsOf('model')
    for (const [name, values] of tensors) {
      const { mean, deviation } = moments(values)
      const isNorm = name.includes('norm')
      const expected = isNorm ? 0.1 : /o_proj|down_proj/.test(name) ? 0.05 / Math.sqrt(2 * 2) : 0.05
      // Five standard errors of the mean and of the deviation.
      const tolerance = (5 * expected) / Math.sqrt(values.length)
      expect(Math.abs(mean - (isNorm ? 1 : 0)), name).toBeLessThan(tolerance)
      expect(Math.abs(deviation - expected), name).toBeLessThan(tolerance)
    }
    // A sequence that repeats, or rows that are alike, would show as correlation.
    const embeddings = tensors.get('model.embed_tokens.weight') as Float32Array
    for (const lag of [1, 2, 64, 4096, 1 << 15]) {
      let product = 0
      for (let index = lag; index < embeddings.length; index++) {
        product += (embeddings[index] as number) * (embeddings[index - lag] as number)
      }
      const count = embeddings.length - lag
      expect(Math.abs(product / count / 0.05 ** 2), `lag ${lag}`).toBeLessThan(5 / Math.sqrt(count))
    }
  })

  it('has the same values in any number of files, and an index that names every tensor', async () => {
    await initModel(config, out('whole'), { seed: 7 })
    const { files, bytes } = await initModel(config, out('shards'), { seed: 7, maxShardBytes: 100_000 })
    expect(files).toEqual([
      ...[1, 2, 3, 4].map((number) => `model-0000${number}-of-00004.safetensors`),
      'model.safetensors.index.json',
    ])
    expect(readdirSync(out('shards'))).toEqual(['config.json', ...files])
    const index = JSON.parse(readFileSync(join(out('shards'), 'model.safetensors.index.json'), 'utf8')) as {
      metadata: { total_size: number }
      weight_map: Record<string, string>
    }
    const whole = await tensorsOf('whole')
    expect(index.metadata.total_size).toBe(bytes)
    expect(Object.keys(index.weight_map).sort()).toEqual([...whole.keys()].sort())
    for (const file of files.slice(0, -1)) expect(statSync(join(out('shards'), file)).size).toBeLessThan(104_000)
    expect(await tensorsOf('shards')).toEqual(whole)
  })

  it('has values that depend on the seed and the name of the tensor, not on the other tensors', async () => {
    await initModel(config, out('a'), { seed: 1 })
    await initModel(config, out('b'), { seed: 2 })
    await initModel({ ...config, tie_word_embeddings: true }, out('tied'), { seed: 1 })
    const [a, b, tied] = [await tensorsOf('a'), await tensorsOf('b'), await tensorsOf('tied')]
    for (const [name, values] of a) {
      expect(values, name).not.toEqual(b.get(name))
      if (name !== 'lm_head.weight') expect(values, name).toEqual(tied.get(name))
    }
    expect(tied.has('lm_head.weight')).toBe(false)
    const names = [...a.keys()].filter((name) => name.includes('qkv_proj'))
    expect(a.get(names[0] as string)).not.toEqual(a.get(names[1] as string))
  })

  it('makes a tensor of more values than are held at a time, in one go or piece by piece', async () => {
    const large = { ...config, vocab_size: 17_000, tie_word_embeddings: true }
    await initModel(large, out(), { seed: 4 })
    const name = 'model.embed_tokens.weight'
    const tensor = configuredTensors(large, 4).find((each) => each.name === name)
    expect(tensor?.elements).toBeGreaterThan(1 << 20)
    expect((await tensorsOf('model')).get(name)).toEqual(tensor?.start()(17_000 * 64))
  })

  it('loads, with logits that are finite and differ from token to token', async () => {
    await initModel(config, out(), { seed: 1 })
    const logits = await logitsOf('model')
    expect(logits).toHaveLength(12 * 700)
    const { deviation } = moments(logits)
    expect(deviation).toBeGreaterThan(0.1)
    expect(deviation).toBeLessThan(10)
  })
})

describe('directly in blocks', () => {
  it.each(['q4g32', 'q4g64', 'q8g32'] as const)('%s: the bf16 checkpoint, rounded', async (packed) => {
    await initModel(config, out('plain'), { seed: 3 })
    const { files, bytes } = await initModel(config, out('packed'), { seed: 3, packed })
    expect(files).toEqual(['model.safetensors'])
    const plain = await tensorsOf('plain')
    await opened('packed', async (checkpoint) => {
      expect(checkpoint.names()).toEqual([...plain.keys()].sort())
      for (const [name, values] of plain) {
        const { dtype, shape } = logicalType(checkpoint, name)
        const [rows = 0, columns] = shape
        const raw = await checkpoint.read(name)
        const expected = columns === undefined ? bytesOf(values) : packMatrix(values, rows, columns, packed)
        expect(dtype, name).toBe(columns === undefined ? 'f32' : packed)
        expect(Buffer.compare(raw, expected), name).toBe(0)
      }
    })
    const header = statSync(join(out('packed'), 'model.safetensors')).size - bytes
    expect(header).toBeGreaterThan(0)
    expect(header).toBeLessThan(10_000)
  })

  it('loads, and in several files too', async () => {
    await initModel(config, out('one'), { seed: 3, packed: 'q4g32' })
    const { files } = await initModel(config, out('many'), { seed: 3, packed: 'q4g32', maxShardBytes: 30_000 })
    expect(files.length).toBeGreaterThan(2)
    expect(await logitsOf('many')).toEqual(await logitsOf('one'))
    await opened('many', async (checkpoint) => {
      expect(logicalType(checkpoint, 'lm_head.weight')).toEqual({ dtype: 'q4g32', shape: [700, 64] })
      expect(logicalType(checkpoint, 'model.norm.weight')).toEqual({ dtype: 'f32', shape: [64] })
    })
  })

  it('refuses groups that do not divide the columns, before anything is written', async () => {
    await expect(initModel(config, out(), { seed: 1, packed: 'q4g128' })).rejects.toMatchObject({
      code: 'shape',
      expected: expect.stringContaining('128'),
    })
    expect(readdirSync(root)).toEqual([])
  })
})

describe('the disk', () => {
  const sizeOf = async (options: Partial<InitOptions>): Promise<number> => {
    const { bytes } = await initModel(config, out('measured'), { seed: 1, replace: true, ...options })
    rmSync(out('measured'), { recursive: true })
    return bytes
  }

  it.each([{}, { packed: 'q4g32' }, { companions: new Map([['tokenizer.json', new Uint8Array(5e6)]]) }] as const)(
    'is asked for room before anything is written: %j',
    async (options) => {
      const extra = 'companions' in options ? 5e6 : 0
      const needed = (await sizeOf(options)) + extra
      const free = async (path: string): Promise<number> => {
        expect(path).toBe(out())
        return needed
      }
      await expect(initModel(config, out(), { seed: 1, ...options, freeBytes: free })).rejects.toMatchObject({
        code: 'out-of-memory',
        found: `${(needed / 1e9).toFixed(3)} GB`,
      })
      expect(readdirSync(root)).toEqual([])
      await initModel(config, out(), { seed: 1, ...options, freeBytes: async () => needed + (1 << 20) })
      expect(readdirSync(root)).toEqual(['model'])
    },
  )

  it('that dies at any operation leaves no folder, or the whole one', async () => {
    const options = { seed: 1, maxShardBytes: 150_000 }
    await initModel(config, out('undisturbed'), options)
    const whole = await tensorsOf('undisturbed')
    const names = readdirSync(out('undisturbed'))
    let operations = 0
    const dyingAt = (last: number): NonNullable<InitOptions['faults']> => {
      operations = 0
      return {
        before(operation: FileOperation) {
          operations++
          if (operations > last && operation !== 'remove') throw new Error('the disk died')
        },
      }
    }
    let died = 0
    for (let last = 0; ; last++) {
      const work = initModel(config, out('dying'), { ...options, faults: dyingAt(last) })
      const failed = await work.then(
        () => false,
        () => true,
      )
      if (!failed) break
      died++
      if (!readdirSync(root).includes('dying')) continue
      // Only the very last operation, making the rename durable, comes after the folder has its name.
      expect(await tensorsOf('dying')).toEqual(whole)
      rmSync(out('dying'), { recursive: true })
    }
    expect(died).toBeGreaterThan(20)
    expect(readdirSync(root).sort()).toEqual(['dying', 'undisturbed'])
    expect(readdirSync(out('dying'))).toEqual(names)
  })

  it('keeps a folder that is there, unless it is to be replaced', async () => {
    await initModel(config, out(), { seed: 1 })
    await expect(initModel(config, out(), { seed: 2 })).rejects.toMatchObject({ code: 'invalid-argument' })
    await initModel(config, out('two'), { seed: 2 })
    expect(await tensorsOf('model')).not.toEqual(await tensorsOf('two'))
    await initModel(config, out(), { seed: 2, replace: true })
    expect(await tensorsOf('model')).toEqual(await tensorsOf('two'))
    expect(readdirSync(root)).toEqual(['model', 'two'])
  })
})

describe('the work', () => {
  it('says how far it is, up to all bytes', async () => {
    const progress: Progress[] = []
    const { bytes } = await initModel(config, out(), { seed: 1, onProgress: (step) => progress.push(step) })
    const counts = progress.map(({ done }) => done)
    expect(counts).toEqual([...counts].sort((left, right) => left - right))
    expect(progress.at(-1)).toMatchObject({ done: bytes, total: bytes, unit: 'bytes' })
    expect(progress.length).toBeGreaterThan(10)
  })

  it('stops when it is aborted, and leaves nothing', async () => {
    const controller = new AbortController()
    const work = initModel(config, out(), {
      seed: 1,
      signal: controller.signal,
      onProgress: ({ done, total }) => {
        if (done > total / 2) controller.abort()
      },
    })
    await expect(work).rejects.toMatchObject({ code: 'aborted' })
    expect(readdirSync(root)).toEqual([])
  })

  it('puts what it is given into the folder', async () => {
    const data = new TextEncoder().encode('{}')
    await initModel(config, out(), { seed: 1, companions: new Map([['tokenizer.json', data]]) })
    expect(readFileSync(join(out(), 'tokenizer.json'), 'utf8')).toBe('{}')
  })

  it.each([0, -1, '0.02', Infinity])('refuses an initializer_range of %j', async (range) => {
    await expect(initModel({ ...config, initializer_range: range }, out(), { seed: 1 })).rejects.toMatchObject({
      code: 'invalid-config',
      message: expect.stringContaining('initializer_range'),
    })
  })
})
