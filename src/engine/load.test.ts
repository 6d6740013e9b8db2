import { describe, expect, it } from 'vitest'
import type { Backend, Device } from '../backends/backend.ts'
import { referenceBackend } from '../backends/ref/index.ts'
import { PocketPhiError } from '../base/errors.ts'
import type { BlockDType } from '../base/dtype.ts'
import type { Progress } from '../base/progress.ts'
import { f32ToBf16, f32ToF16 } from '../blocks/half.ts'
import { bf16ToF32, f16ToF32 } from '../blocks/half.ts'
import { packMatrix, panelBytes } from '../blocks/packed.ts'
import { packedEntry, packedMetadata, type PackedType } from '../formats/packed-checkpoint.ts'
import { openSafetensors } from '../formats/safetensors.ts'
import { floatEntry, safetensorsBytes, type TensorEntry } from '../formats/safetensors-writer.ts'
import { memoryFolder } from '../formats/tree.ts'
import type { MemoryPlan } from '../program/plan.ts'
import { loadCheckpoint, measureCheckpoint, type LoadOptions } from './load.ts'
import { tinyConfig, tinyFiles } from './tiny-model-harness.ts'

const options: LoadOptions = { context: 64, maxRows: 4 }
const name = 'model.layers.1.mlp.down_proj.weight'

async function tensorsOf(files: ReadonlyMap<string, Uint8Array>) {
  const checkpoint = await openSafetensors(memoryFolder(files))
  const tensors = new Map<string, { shape: readonly number[]; values: Float32Array }>()
  for (const tensor of checkpoint.names()) {
    tensors.set(tensor, { shape: checkpoint.info(tensor).shape, values: await checkpoint.readFloat32(tensor) })
  }
  return tensors
}

/** The tiny model's files with some tensors changed, added or left out. */
async function changed(change: (tensors: Awaited<ReturnType<typeof tensorsOf>>) => void) {
  const files = await tinyFiles()
  const tensors = await tensorsOf(files)
  change(tensors)
  const entries = [...tensors].map(([tensor, { shape, values }]) => floatEntry(tensor, shape, values))
  files.set('model.safetensors', await safetensorsBytes(entries))
  return memoryFolder(files)
}

describe('loadCheckpoint', () => {
  it('widens f16 and bf16 to the f32 values that they stand for', async () => {
    const exact = (await tensorsOf(await tinyFiles())).get(name)?.values ?? new Float32Array()
    const halves = { F16: f16ToF32(f32ToF16(exact)), BF16: bf16ToF32(f32ToBf16(exact)) }
    for (const dtype of ['F16', 'BF16'] as const) {
      const engine = await loadCheckpoint(memoryFolder(await tinyFiles({ dtype })), referenceBackend(), options)
      expect([...(await engine.device.read(name))]).toEqual([...halves[dtype]])
      await engine.dispose()
    }
  })

  it('leaves packed matrices packed', async () => {
    const files = await tinyFiles()
    const tensors = await tensorsOf(files)
    const types = new Map<string, PackedType>()
    const entries: TensorEntry[] = []
    for (const [tensor, { shape, values }] of tensors) {
      const [rows = 0, columns = 0] = shape
      if (tensor.endsWith('qkv_proj.weight')) {
        const type = { dtype: 'q8g32', shape: [rows, columns] } as const
        types.set(tensor, type)
        entries.push(packedEntry(tensor, type, packMatrix(values, rows, columns, type.dtype)))
      } else entries.push(floatEntry(tensor, shape, values))
    }
    files.set('model.safetensors', await safetensorsBytes(entries, packedMetadata(types)))
    const engine = await loadCheckpoint(memoryFolder(files), referenceBackend(), options)
    const packed = 'model.layers.0.self_attn.qkv_proj.weight'
    expect(engine.device.typeOf(packed).dtype).toBe('q8g32')
    const stored = entries.find((entry) => entry.name === packed)?.data
    expect(await engine.device.readBytes(packed)).toEqual(stored)

    const dense = await loadCheckpoint(memoryFolder(await tinyFiles()), referenceBackend(), options)
    const logits = await Promise.all([engine, dense].map(async (each) => (await each.open([5, 6, 7])).logits()))
    const differences = logits[0]?.map((value, at) => Math.abs(value - (logits[1]?.[at] ?? NaN))) ?? []
    // Eight bits are close, and not the same.
    expect(Math.max(...differences)).toBeGreaterThan(1e-4)
    expect(Math.max(...differences)).toBeLessThan(0.3)
    await Promise.all([engine.dispose(), dense.dispose()])
  })

  it('refuses packed weights that kernels could not bear, wherever in the file they are', async () => {
    const files = await tinyFiles()
    const damaged = 'model.layers.1.self_attn.qkv_proj.weight'
    const open = async (dtype: 'q4g32' | 'q8g32', damage: (bytes: Uint8Array) => void, backend: Backend) => {
      const types = new Map<string, PackedType>()
      const entries: TensorEntry[] = []
      for (const [tensor, { shape, values }] of await tensorsOf(files)) {
        const [rows = 0, columns = 0] = shape
        if (tensor === damaged) {
          types.set(tensor, { dtype, shape: [rows, columns] })
          const bytes = packMatrix(values, rows, columns, dtype)
          damage(bytes)
          entries.push(packedEntry(tensor, { dtype, shape: [rows, columns] }, bytes))
        } else entries.push(floatEntry(tensor, shape, values))
      }
      const weights = await safetensorsBytes(entries, packedMetadata(types))
      return await loadCheckpoint(memoryFolder(new Map([...files, ['model.safetensors', weights]])), backend, options)
    }
    const infinity = (bytes: Uint8Array): void => bytes.set([0x00, 0x7c], bytes.length - 2)
    const subnormal = (bytes: Uint8Array): void => bytes.set([0x01, 0x00], bytes.length - 16)
    const lowest = (bytes: Uint8Array): void => bytes.set([0x80], bytes.length - 20)
    const refusal = { code: 'invalid-file', message: expect.stringContaining(damaged) as string }
    const whole = referenceBackend()
    const inSlabs: Backend = {
      ...whole,
      async open(programs) {
        const device = await whole.open(programs)
        const fill: Device['fill'] = async (tensor, read) => {
          const { dtype, shape } = device.typeOf(tensor)
          const slab = dtype.startsWith('q') ? 3 * panelBytes(dtype as BlockDType, shape[1] ?? 0) : Infinity
          await device.fill(tensor, async (bytes) => {
            for (let at = 0; at < bytes.length; at += slab) await read(bytes.subarray(at, at + slab), at)
          })
        }
        return { ...device, fill }
      },
    }
    for (const backend of [whole, inSlabs]) {
      for (const dtype of ['q4g32', 'q8g32'] as const) {
        for (const damage of [infinity, subnormal]) {
          await expect(open(dtype, damage, backend)).rejects.toMatchObject(refusal)
        }
        await (await open(dtype, () => {}, backend)).dispose()
      }
      await expect(open('q8g32', lowest, backend)).rejects.toMatchObject(refusal)
      // In 4 bits the byte is a pair of good integers.
      await (await open('q4g32', lowest, backend)).dispose()
    }
  })

  it('reports every byte and stops when it is aborted', async () => {
    const files = memoryFolder(await tinyFiles())
    const seen: Progress[] = []
    const engine = await loadCheckpoint(files, referenceBackend(), {
      ...options,
      onProgress: (step) => seen.push(step),
    })
    expect(seen.at(-1)).toMatchObject({ stage: 'loading weights', unit: 'bytes', done: seen.at(-1)?.total })
    expect(seen.at(-1)?.total).toBeGreaterThan(100_000)
    await engine.dispose()

    const controller = new AbortController()
    const onProgress = (): void => controller.abort()
    const aborted = loadCheckpoint(files, referenceBackend(), { ...options, onProgress, signal: controller.signal })
    await expect(aborted).rejects.toMatchObject({ code: 'aborted' })
  })

  it('refuses a model that does not fit before it reads a byte of weights', async () => {
    const files = await tinyFiles()
    const whole = files.get('model.safetensors') ?? new Uint8Array()
    const read: number[] = []
    const tree = memoryFolder(files)
    const watched = {
      ...tree,
      async open(file: string) {
        const source = await tree.open(file)
        return {
          ...source,
          read(offset: number, length: number, into?: Uint8Array) {
            if (file === 'model.safetensors') read.push(offset + length)
            return source.read(offset, length, into)
          },
        }
      },
    }
    const { contextTokens, ...plan } = await measureCheckpoint(tree, referenceBackend(), options)
    expect(contextTokens).toBe(64)
    const refused = loadCheckpoint(watched, referenceBackend(), { ...options, memoryLimit: plan.total - 1 })
    await expect(refused).rejects.toMatchObject({ code: 'out-of-memory', cause: plan })
    const header = 8 + Number(new DataView(whole.buffer, whole.byteOffset).getBigUint64(0, true))
    expect(Math.max(...read)).toBe(header)
    const plans: unknown[] = []
    const onPlan = (seen: unknown): unknown => plans.push(seen)
    const engine = await loadCheckpoint(tree, referenceBackend(), { ...options, memoryLimit: plan.total, onPlan })
    expect(plans).toEqual([plan])
    expect(engine.device.memory).toEqual(plan)
    await engine.dispose()
  })

  it('says that a model is too large, even where a backend cannot plan it', async () => {
    const tree = memoryFolder(await tinyFiles())
    const refusal = new PocketPhiError('not-supported', 'The embedding is too large.')
    const refusing: Backend = {
      ...referenceBackend(),
      measure() {
        throw refusal
      },
    }
    const load = async (memoryLimit: number) => await loadCheckpoint(tree, refusing, { ...options, memoryLimit })
    await expect(load(1000)).rejects.toMatchObject({ code: 'out-of-memory', found: expect.stringContaining('weights') })
    await expect(load(1e9)).rejects.toBe(refusal)
  })

  it('says in its refusal how many memories a model would take', async () => {
    const tree = memoryFolder(await tinyFiles())
    const several: Backend = {
      ...referenceBackend(),
      measure: () => ({ parameters: 5e9, states: 3e9, scratch: 1e9, total: 9e9, memories: [4e9, 4e9, 1e9] }),
    }
    const found = '9.00 GB: 5.00 GB of weights, 3.00 GB of cache and 1.00 GB of working memory, in 3 memories'
    const refused = loadCheckpoint(tree, several, { ...options, memoryLimit: 8e9 })
    await expect(refused).rejects.toMatchObject({ code: 'out-of-memory', found })
  })

  it('takes the largest usual context that fits when none is asked for', async () => {
    const tree = memoryFolder(await tinyFiles({ config: { max_position_embeddings: 3000 } }))
    const measure = async (given: LoadOptions) =>
      await measureCheckpoint(tree, referenceBackend(), { maxRows: 4, ...given })
    const most = await measure({})
    expect(most.contextTokens).toBe(3000)
    expect((await measure({ memoryLimit: most.total - 1 })).contextTokens).toBe(2048)
    const { total } = await measure({ context: 1024 })
    expect((await measure({ memoryLimit: total })).contextTokens).toBe(1024)
    expect((await measure({ maxContext: 1500 })).contextTokens).toBe(1500)
    expect((await measure({ maxContext: 1500, memoryLimit: total })).contextTokens).toBe(1024)
    expect((await measure({ maxContext: 100_000 })).contextTokens).toBe(3000)
    await expect(measure({ memoryLimit: 1000 })).rejects.toMatchObject({ code: 'out-of-memory' })
    await expect(measure({ context: 2048, memoryLimit: total })).rejects.toMatchObject({ code: 'out-of-memory' })
  })

  it('takes a smaller context when the machine refuses the memory, unless one was asked for', async () => {
    const tree = memoryFolder(await tinyFiles({ config: { max_position_embeddings: 3000 } }))
    const ref = referenceBackend()
    const tried: number[] = []
    const refusing = (most: number, refusal: Error): Backend => ({
      ...ref,
      async open(programs) {
        const plan = ref.measure(programs)
        tried.push(plan.total)
        if (plan.total > most) throw refusal
        return await ref.open(programs)
      },
    })
    const { total } = await measureCheckpoint(tree, ref, { maxRows: 4, context: 1024 })
    const refusal = new PocketPhiError('out-of-memory', 'The machine refuses.')
    const plans: number[] = []
    const onPlan = (plan: MemoryPlan): unknown => plans.push(plan.total)
    const engine = await loadCheckpoint(tree, refusing(total, refusal), { maxRows: 4, onPlan })
    expect(engine.context).toBe(1024)
    expect(tried).toHaveLength(3)
    expect(plans).toEqual(tried)
    await engine.dispose()
    tried.length = 0
    const asked = loadCheckpoint(tree, refusing(total, refusal), { maxRows: 4, context: 2048 })
    await expect(asked).rejects.toBe(refusal)
    await expect(loadCheckpoint(tree, refusing(0, refusal), { maxRows: 4 })).rejects.toBe(refusal)
    expect(tried).toHaveLength(6)
    const other = new PocketPhiError('device-lost', 'No device.')
    await expect(loadCheckpoint(tree, refusing(0, other), { maxRows: 4 })).rejects.toBe(other)
    expect(tried).toHaveLength(7)
  })

  it('refuses checkpoints that are not those of the configuration', async () => {
    const load = async (tree: ReturnType<typeof memoryFolder>) =>
      await loadCheckpoint(tree, referenceBackend(), options)
    await expect(load(await changed((tensors) => tensors.delete(name)))).rejects.toThrowError(
      /lacks tensors.*down_proj/,
    )
    const extra = { shape: [1], values: new Float32Array(1) }
    await expect(load(await changed((tensors) => tensors.set('model.norm.bias', extra)))).rejects.toThrowError(
      /does not use.*model\.norm\.bias/,
    )
    await expect(load(await changed((tensors) => tensors.set('model.norm.weight', extra)))).rejects.toThrowError(
      /does not fit the configuration/,
    )
    const files = await tinyFiles()
    files.set('config.json', new TextEncoder().encode(JSON.stringify({ ...tinyConfig(), model_type: 'llama' })))
    await expect(load(memoryFolder(files))).rejects.toMatchObject({ code: 'not-supported' })
    for (const wrong of [{ context: 0 }, { context: 257 }, { maxSequences: 0 }, { maxRows: 1.5 }]) {
      const tree = memoryFolder(await tinyFiles())
      await expect(loadCheckpoint(tree, referenceBackend(), wrong)).rejects.toMatchObject({ code: 'invalid-argument' })
    }
  })
})
