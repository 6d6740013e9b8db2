import { describe, expect, it, test } from 'vitest'
import type { Device } from '../backends/backend.ts'
import { Random } from '../base/random.ts'
import { dequantizeGgml } from '../blocks/ggml-dequantize.ts'
import { randomGgmlBlocks } from '../blocks/ggml-harness.ts'
import { repackedDTypes, repackPanel, type RepackedGgmlType, type RepackPanel } from '../blocks/ggml-repack.ts'
import { ggmlBytes } from '../blocks/ggml.ts'
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../blocks/half.ts'
import { matrixBytes, matrixFloats } from '../blocks/matrix.ts'
import { openGguf } from '../formats/gguf.ts'
import { ggufBytes } from '../formats/gguf-writer.ts'
import { floatEntry, safetensorsBytes } from '../formats/safetensors-writer.ts'
import { openSafetensors } from '../formats/safetensors.ts'
import { bytesSource } from '../formats/source.ts'
import { fillParameters } from './load.ts'
import { storeType, type WeightsFile } from './weights.ts'

// 16 MiB of f32, 9.4 of Q8_0: several pieces of either.
/** Rows that fill no panel at the end. */
const [name, rows, columns] = ['large', 4091, 1024]
const values = Float32Array.from(new Uint16Array(rows * columns), (_, index) => ((index * 40503) & 0xffff) - 32768)

/** A device of one tensor, cut into slabs. */
function deviceOf(file: WeightsFile, slabs: readonly Uint8Array[]): Pick<Device, 'typeOf' | 'fill' | 'write'> {
  return {
    typeOf: () => storeType(file, name),
    async fill(_, read) {
      let offset = 0
      for (const slab of slabs) {
        await read(slab, offset)
        offset += slab.length
      }
    },
    write() {},
  }
}

async function filled(file: WeightsFile, bytes: number, cut: number, repack?: RepackPanel): Promise<Uint8Array> {
  const store = new Uint8Array(bytes)
  const device = { ...deviceOf(file, [store.subarray(0, cut), store.subarray(cut)]), repackPanel: repack }
  const parameters = [{ name, shape: [rows, columns], initializer: 'normal' as const }]
  await fillParameters(device, file, { parameters, buffers: new Map() })
  return store
}

async function floatFile(dtype: 'F32' | 'F16' | 'BF16'): Promise<WeightsFile> {
  return openSafetensors(bytesSource(await safetensorsBytes([floatEntry(name, [rows, columns], values, dtype)])))
}

/** Blocks with any integers but -128, and finite scales. */
function blocksOf(type: RepackedGgmlType): Uint8Array {
  const random = new Random(7)
  if (type !== 'Q4_0' && type !== 'Q8_0') return randomGgmlBlocks(random, type, ggmlBytes(type, rows * columns))
  const block = ggmlBytes(type, 32)
  const bytes = Uint8Array.from({ length: ggmlBytes(type, rows * columns) }, () => random.integer(0, 128))
  for (let at = 0; at < bytes.length; at += block) bytes[at + 1] = 0x3c
  return bytes
}

async function blockFile(type: RepackedGgmlType, data: Uint8Array): Promise<WeightsFile> {
  return openGguf(
    bytesSource(await ggufBytes([{ name, dtype: type, shape: [rows, columns], data }], new Map()), 'large.gguf'),
  )
}

describe('a tensor of many pieces', () => {
  test.each([
    ['F32', values],
    ['F16', f16ToF32(f32ToF16(values))],
    ['BF16', bf16ToF32(f32ToBf16(values))],
  ] as const)('of %s has the values of the file', async (dtype, expected) => {
    const store = await filled(await floatFile(dtype), 4 * expected.length, 5_000_004)
    expect(Buffer.compare(store, new Uint8Array(expected.buffer))).toBe(0)
  })

  test.each(['Q4_0', 'Q8_0', 'Q4_K', 'Q5_K', 'Q6_K'] as const)('of %s is repacked piece by piece', async (type) => {
    const blocks = blocksOf(type)
    const dtype = repackedDTypes[type]
    const bytes = matrixBytes(dtype, rows, columns)
    const store = await filled(await blockFile(type, blocks), bytes, (bytes / 512) * 300)
    const expected = dequantizeGgml(type, blocks)
    const found = matrixFloats(store, dtype, rows, columns)
    expect(found.findIndex((value, index) => value !== expected[index])).toBe(-1)
  })

  it('is repacked by what the device has for it, panel by panel', async () => {
    const blocks = blocksOf('Q4_0')
    const bytes = matrixBytes('q4g32', rows, columns)
    const lanes: number[] = []
    const repack: RepackPanel = (type, panel, count, width) => {
      lanes.push(count)
      return repackPanel(type, panel, count, width)
    }
    const file = await blockFile('Q4_0', blocks)
    const store = await filled(file, bytes, (bytes / 512) * 300, repack)
    expect(Buffer.compare(store, await filled(file, bytes, bytes / 2))).toBe(0)
    expect(lanes).toEqual([...Array<number>(511).fill(8), 3])
  })

  it('is refused for what is wrong in its first piece, while the second is being read', async () => {
    const blocks = blocksOf('Q8_0')
    blocks[1] = 0x7c
    await expect(filled(await blockFile('Q8_0', blocks), blocks.length, blocks.length / 2)).rejects.toMatchObject({
      code: 'invalid-file',
    })
  })

  it('fails with what a read ahead of the others fails with, once it is its turn, and with nothing else', async () => {
    const blocks = blocksOf('Q8_0')
    const file = await blockFile('Q8_0', blocks)
    const first = Promise.withResolvers<void>()
    let reads = 0
    const broken = Object.create(file) as typeof file
    broken.read = async (...request) => {
      if (reads++ > 0) throw new Error('the second read')
      await first.promise
      return await file.read(...request)
    }
    const unhandled: unknown[] = []
    const listen = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', listen)
    const loading = filled(broken, blocks.length, blocks.length / 2)
    // Node tells of a rejection that nobody waits for after a turn of its loop.
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    first.resolve()
    await expect(loading).rejects.toThrow('the second read')
    process.off('unhandledRejection', listen)
    expect(unhandled).toEqual([])
  })

  it('is refused for what is wrong in its last piece', async () => {
    const blocks = blocksOf('Q8_0')
    blocks[blocks.length - 33] = 0x7c
    await expect(filled(await blockFile('Q8_0', blocks), blocks.length, blocks.length / 2)).rejects.toMatchObject({
      code: 'invalid-file',
    })
  })
})
