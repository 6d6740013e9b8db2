/** Experts that are read from the file when they are chosen: the bits of those in memory, whatever there is room for. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { referenceBackend } from '../src/backends/ref/index.ts'
import { wasmBackend, type WasmOptions } from '../src/backends/wasm/index.ts'
import { openCache, saveCache } from '../src/engine/cache-file.ts'
import type { Usage } from '../src/engine/generate.ts'
import { loadCheckpoint, measureCheckpoint, type LoadOptions } from '../src/engine/load.ts'
import type { Scheduler } from '../src/engine/scheduler.ts'
import { tracePrograms } from '../src/engine/programs.ts'
import { modelFromConfig } from '../src/models/index.ts'
import { publishedConfig } from '../src/models/published.ts'
import { bytesSource } from '../src/formats/source.ts'
import { localFolder, type FileTree } from '../src/formats/tree.ts'
import type { MemoryPlan } from '../src/program/plan.ts'
import { initModel } from '../src/quant/init.ts'

const config = {
  model_type: 'phimoe',
  vocab_size: 96,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 256,
  num_local_experts: 8,
  router_jitter_noise: 0.1,
  attention_bias: true,
  initializer_range: 0.15,
}

/** Of all experts, and what one takes in blocks of 32, with the guard behind it. */
const [matrices, matrixBytes] = [3 * 8 * 3, (96 * 64 * 4.5) / 8 + 64]

const folder = mkdtempSync(join(tmpdir(), 'phi-streamed-experts-'))
const packed = join(folder, 'packed')

/** The logits with all experts in memory. */
let expected: Float32Array

beforeAll(async () => {
  await initModel(config, packed, { seed: 5, packed: 'q4g32' })
  expected = await disposed(await opened({ mode: 'inline' }), logitsOf)
})

afterAll(() => rmSync(folder, { recursive: true }))

async function opened(wasm: WasmOptions, options: LoadOptions = {}, path = packed): Promise<Scheduler> {
  return await loadCheckpoint(localFolder(path), wasmBackend(wasm), { context: 192, maxRows: 64, ...options })
}

const [promptTokens, decodedTokens] = [100, 12]

/** Logits of a prompt that takes two passes, and of tokens that come one by one. */
async function logitsOf(engine: Scheduler): Promise<Float32Array> {
  const ids = Array.from({ length: promptTokens + decodedTokens }, (_, index) => (index * 37 + 11) % 89)
  const logits = new Float32Array(ids.length * engine.vocabulary)
  const sequence = await engine.open(ids.slice(0, promptTokens))
  try {
    await sequence.rows(0, (row, values) => logits.set(values, row * engine.vocabulary))
    for (let row = promptTokens; row < ids.length; row++) {
      sequence.append(ids.slice(row, row + 1))
      logits.set(await sequence.logits(), row * engine.vocabulary)
    }
  } finally {
    sequence.close()
  }
  return logits
}

async function disposed<T>(engine: Scheduler, use: (engine: Scheduler) => Promise<T>): Promise<T> {
  try {
    return await use(engine)
  } finally {
    await engine.dispose()
  }
}

async function expectSameLogits(wasm: WasmOptions, held: number, memories: number): Promise<void> {
  await disposed(await opened(wasm, { expertCache: held * matrixBytes }), async (engine) => {
    const { memory } = engine.device
    expect(memory.memories.length).toBeGreaterThanOrEqual(memories)
    expect(memory.experts).toEqual({ total: matrices * (matrixBytes - 64), held: held * matrixBytes })
    expect(await logitsOf(engine)).toEqual(expected)
    const { hits = 0, reads = 0, bytesRead } = engine.device.experts ?? {}
    expect(bytesRead).toBe(reads * (matrixBytes - 64))
    // Every row of the prompt chooses two experts in each layer, and each that comes alone six matrices there.
    expect(hits + reads).toBeGreaterThanOrEqual(3 * (2 * 3 + decodedTokens * 6))
    if (held === matrices) expect(reads).toBeLessThanOrEqual(matrices)
    else expect(reads).toBeGreaterThan(held)
  })
}

/** One matrix of a layer, which is the least; a few; two thirds; everything. */
const rooms = [3, 10, 48, matrices]

describe.each([
  ['in the caller’s thread', { mode: 'inline' }],
  ['on one thread', { threads: 1 }],
  ['on two threads', { threads: 2 }],
] as const)('%s', (_, wasm) => {
  it.each(rooms)(`the logits with room for %i matrices of ${matrices} are those with all in memory`, async (held) => {
    await expectSameLogits(wasm, held, 1)
  })
})

describe('in several memories', () => {
  it.each([
    [10, 6],
    [48, 9],
    [matrices, 10],
  ])(`the logits with room for %i matrices are those with all in memory`, async (held, pages) => {
    await expectSameLogits({ threads: 2, maxMemoryBytes: pages * 65536 }, held, 2)
  })
})

/** The packed files; reads of the weights go through `onRead` once `watch.on` is set. */
function watchedTree(onRead: () => void): { tree: FileTree; watch: { on: boolean } } {
  const tree = localFolder(packed)
  const watch = { on: false }
  const open: FileTree['open'] = async (name) => {
    const source = await tree.open(name)
    return {
      ...source,
      size: source.size,
      async read(offset, length, into) {
        if (watch.on) onRead()
        return await source.read(offset, length, into)
      },
    }
  }
  return { tree: { ...tree, open }, watch }
}

const small = { context: 192, maxRows: 64, expertCache: 10 * matrixBytes }

describe.each([
  ['in the caller’s thread', { mode: 'inline' }],
  ['on two threads', { threads: 2 }],
] as const)('a pass that cannot read an expert, %s', (_, wasm) => {
  it('rejects where the file has become shorter, and later ones go on', async () => {
    const torn = join(folder, 'torn')
    cpSync(packed, torn, { recursive: true })
    const file = join(torn, 'model.safetensors')
    await disposed(await opened(wasm, { expertCache: small.expertCache }, torn), async (engine) => {
      truncateSync(file, 20_000)
      await expect(logitsOf(engine)).rejects.toMatchObject({ code: 'invalid-file', message: /ended early/ })
      writeFileSync(file, readFileSync(join(packed, 'model.safetensors')))
      expect(await logitsOf(engine)).toEqual(expected)
    })
  })

  it('rejects where the system cannot read, with an error of ours, and later ones go on', async () => {
    let left = 40
    const { tree, watch } = watchedTree(() => {
      if (--left === 0) throw new Error('EIO: i/o error, read')
    })
    await disposed(await loadCheckpoint(tree, wasmBackend(wasm), small), async (engine) => {
      watch.on = true
      await expect(logitsOf(engine)).rejects.toMatchObject({ code: 'invalid-file', found: /EIO/ })
      expect(await logitsOf(engine)).toEqual(expected)
    })
  })

  it('ends when it is aborted amid its reads, and later ones go on', async () => {
    const controller = new AbortController()
    let left = 40
    const { tree, watch } = watchedTree(() => {
      if (--left === 0) controller.abort()
    })
    await disposed(await loadCheckpoint(tree, wasmBackend(wasm), small), async (engine) => {
      watch.on = true
      const sequence = await engine.open([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
      await expect(sequence.logits({ signal: controller.signal })).rejects.toMatchObject({ code: 'aborted' })
      sequence.close()
      expect(await logitsOf(engine)).toEqual(expected)
    })
  })

  it('ends when the engine is disposed of, which closes the file', async () => {
    let [left, closed] = [40, 0]
    let disposing: Promise<void> | undefined
    const { tree, watch } = watchedTree(() => {
      if (--left === 0) disposing = engine.dispose()
    })
    const counted: FileTree = {
      ...tree,
      open: async (name) => {
        const source = await tree.open(name)
        const close = async (): Promise<void> => {
          closed++
          await source.close()
        }
        return { ...source, size: source.size, close }
      },
    }
    const engine = await loadCheckpoint(counted, wasmBackend(wasm), small)
    expect(closed).toBe(0)
    watch.on = true
    await expect(logitsOf(engine)).rejects.toMatchObject({ code: 'aborted' })
    await disposing
    expect(closed).toBe(1)
  })
})

describe('a model that exceeds the memory', () => {
  const inline: WasmOptions = { mode: 'inline' }

  async function totalOf(options: LoadOptions = {}): Promise<number> {
    const { total } = await measureCheckpoint(localFolder(packed), wasmBackend(inline), {
      context: 192,
      maxRows: 64,
      ...options,
    })
    return total
  }

  it('reads experts when they are chosen, as many in memory as fit into seven eighths of the limit', async () => {
    const [whole, least] = [await totalOf(), await totalOf({ expertCache: 0 })]
    expect(least).toBeLessThan(whole)
    const plans: MemoryPlan[] = []
    const onPlan = (plan: MemoryPlan): void => void plans.push(plan)
    const memoryLimit = whole - 1
    await disposed(await opened(inline, { memoryLimit, onPlan }), async (engine) => {
      expect(await logitsOf(engine)).toEqual(expected)
    })
    expect(plans).toHaveLength(1)
    expect(plans[0]?.experts?.held).toBeGreaterThanOrEqual(3 * matrixBytes)
    expect(plans[0]?.total).toBeLessThanOrEqual(Math.max(least, (memoryLimit * 7) / 8))
    await disposed(await opened(inline, { memoryLimit: whole }), async (engine) => {
      expect(engine.device.memory.experts).toBeUndefined()
      expect(engine.device.experts).toBeUndefined()
    })
    await expect(opened(inline, { memoryLimit: least - 1 })).rejects.toMatchObject({ code: 'out-of-memory' })
  })

  it('is refused where its experts would have to be converted, with what to do', async () => {
    const plain = join(folder, 'plain')
    await initModel(config, plain, { seed: 5 })
    await expect(opened(inline, { expertCache: 0 }, plain)).rejects.toMatchObject({
      code: 'not-supported',
      found: /experts\.0\.w1\.weight" in bf16/,
      remedy: /phi quantize/,
    })
    await expect(opened(inline, { memoryLimit: 100_000 }, plain)).rejects.toMatchObject({ code: 'out-of-memory' })
  })

  it('is refused by backends that hold all experts, by their name', async () => {
    await expect(loadCheckpoint(localFolder(packed), referenceBackend(), small)).rejects.toMatchObject({
      code: 'not-supported',
      message: /backend ref holds all experts/,
    })
  })
})

it('a full-size Phi-3.5-MoE of 4 bits with its cache of 4,096 tokens takes less than 2 GB, in several memories if there is more', () => {
  const formats = {
    dtypeOf: (_: string, shape: readonly number[]) => (shape.length > 1 ? ('q4g32' as const) : ('f32' as const)),
    activations: 'int8' as const,
    cache: 'f16' as const,
  }
  const model = modelFromConfig(publishedConfig('phi-3.5-moe'))
  const { programs } = tracePrograms(model, { context: 4096, maxRows: 1 }, formats)
  const source = { read: () => Promise.resolve(), close: () => Promise.resolve() }
  const planOf = (cacheBytes: number): MemoryPlan | undefined =>
    wasmBackend({ threads: 2 }).withExpertCache?.({ cacheBytes, source }).measure(programs)
  // 16 experts of three matrices [4096, 6400] in each of 32 layers, at 4.5 bits.
  const [matrix, all] = [(4096 * 6400 * 4.5) / 8, 16 * 3 * 32]
  expect(planOf(0)).toMatchObject({ experts: { total: all * matrix, held: 32 * (matrix + 64) } })
  expect(planOf(0)?.total).toBeLessThan(2e9)
  const { memories = [], experts } = planOf(8e9) ?? {}
  expect(memories).toHaveLength(3)
  expect(experts?.held).toBe(Math.floor(8e9 / (matrix + 64)) * (matrix + 64))
})

it('a model without experts is refused a cache of them', async () => {
  const dense = join(folder, 'dense')
  const { num_local_experts: _, router_jitter_noise: __, ...others } = config
  await initModel({ ...others, model_type: 'phi3', attention_bias: false }, dense, { seed: 5, packed: 'q4g32' })
  await expect(opened({ mode: 'inline' }, { expertCache: 0 }, dense)).rejects.toMatchObject({
    code: 'invalid-argument',
    message: /has no experts/,
  })
})

it('what was computed with all experts in memory is taken up by a model that reads them, and the other way round', async () => {
  const ids = Array.from({ length: 70 }, (_, index) => (index * 7) % 90)
  const kept = async (engine: Scheduler): Promise<Uint8Array> => {
    const chunks: Uint8Array<ArrayBuffer>[] = []
    const sequence = await engine.open(ids)
    await sequence.logits()
    await saveCache(engine, sequence, async (pieces) => {
      for await (const piece of pieces) chunks.push(piece.slice())
    })
    sequence.close()
    return new Uint8Array(await new Blob(chunks).arrayBuffer())
  }
  const file = await disposed(await opened({ mode: 'inline' }), kept)
  await disposed(await opened({ mode: 'inline' }, { expertCache: small.expertCache }), async (engine) => {
    expect(await openCache(engine, bytesSource(file))).toEqual(ids)
    expect(await kept(engine)).toEqual(file)
  })
})

describe('the command', () => {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const phi = (...args: readonly string[]): { out: string; err: string } => {
    const { stdout, stderr } = spawnSync(process.execPath, [join(root, 'src/cli/main.ts'), ...args], {
      cwd: folder,
      encoding: 'utf8',
    })
    return { out: stdout, err: stderr }
  }
  const answer = (...options: readonly string[]): { ids: number[]; usage: Usage } & ReturnType<typeof phi> => {
    const common = ['--raw', '--temperature', '0', '--max-tokens', '8', '--threads', '1', '--json']
    const { out, err } = phi('run', 'talking', 'A fox', ...common, ...options)
    return { ...JSON.parse(out), out, err }
  }

  beforeAll(() => {
    const talking = { ...config, vocab_size: 4096, bos_token_id: 1, eos_token_id: 2 }
    writeFileSync(join(folder, 'talking.json'), JSON.stringify(talking))
    const tokenizer = join(root, 'models', 'phi-nano')
    phi('init', 'talking.json', 'talking', '--bits', '4', '--seed', '3', '--tokenizer', tokenizer)
  })

  it('gives the same answer, and says how experts are held and what was read', () => {
    const all = answer()
    const some = answer('--expert-cache', '100kB')
    expect(some.ids).toHaveLength(8)
    expect(some.ids).toEqual(all.ids)
    expect(all.usage.experts).toBeUndefined()
    expect(some.usage.experts?.hits).toBeGreaterThan(0)
    expect(some.usage.experts?.bytesRead).toBe((some.usage.experts?.reads ?? 0) * (matrixBytes - 64))
    expect(some.err).toContain('Experts are read from the file as they are chosen: 98.6 kB of 249 kB stay in memory.')
    const { err } = phi('run', 'talking', 'A fox', '--raw', '--max-tokens', '2', '--expert-cache', '100kB')
    expect(err).toMatch(/; of \d+ matrices of experts [\d.]+ % were in memory, [\d.]+ kB were read, on wasm/)
  })

  it('is told apart by phi info: what all takes, and what is enough', () => {
    const { out } = phi('info', 'talking', '--context', '64', '--threads', '1', '--json')
    const { memory, experts } = JSON.parse(out)
    expect(experts).toMatchObject({ context: 64, total: matrices * (matrixBytes - 64), held: null })
    expect(experts.least).toBeLessThan(memory[0].total)
    const limit = String(memory[0].total - 1)
    const less = phi('info', 'talking', '--context', '64', '--threads', '1', '--memory', limit)
    expect(less.out).toMatch(/So it runs here with up to \d+ tokens; with 64 there is room for [\d.]+ kB of them\./)
  })
})
