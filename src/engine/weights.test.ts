import { describe, expect, it, test } from 'vitest'
import type { Device } from '../backends/backend.ts'
import { Random } from '../base/random.ts'
import { repackGgml } from '../blocks/ggml-repack.ts'
import { ggmlBytes } from '../blocks/ggml.ts'
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../blocks/half.ts'
import { openGguf } from '../formats/gguf.ts'
import { ggufBytes } from '../formats/gguf-writer.ts'
import { floatEntry, safetensorsBytes } from '../formats/safetensors-writer.ts'
import { openSafetensors } from '../formats/safetensors.ts'
import { bytesSource } from '../formats/source.ts'
import { fillParameters } from './load.ts'
import { storeType, type WeightsFile } from './weights.ts'

// 16 MiB of f32, 9.4 of Q8_0: several pieces of either.
const [name, rows, columns] = ['large', 4096, 1024]
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

async function filled(file: WeightsFile, bytes: number, cut: number): Promise<Uint8Array> {
  const store = new Uint8Array(bytes)
  const device = deviceOf(file, [store.subarray(0, cut), store.subarray(cut)])
  const parameters = [{ name, shape: [rows, columns], initializer: 'normal' as const }]
  await fillParameters(device, file, { parameters, buffers: new Map() })
  return store
}

async function floatFile(dtype: 'F32' | 'F16' | 'BF16'): Promise<WeightsFile> {
  return openSafetensors(bytesSource(await safetensorsBytes([floatEntry(name, [rows, columns], values, dtype)])))
}

/** Blocks with any integers but -128, and scales from 1 up. */
function blocksOf(type: 'Q4_0' | 'Q8_0'): Uint8Array {
  const random = new Random(7)
  const block = ggmlBytes(type, 32)
  const bytes = Uint8Array.from({ length: ggmlBytes(type, rows * columns) }, () => random.integer(0, 128))
  for (let at = 0; at < bytes.length; at += block) bytes[at + 1] = 0x3c
  return bytes
}

async function blockFile(type: 'Q4_0' | 'Q8_0', data: Uint8Array): Promise<WeightsFile> {
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

  test.each(['Q4_0', 'Q8_0'] as const)('of %s is repacked as it is whole', async (type) => {
    const blocks = blocksOf(type)
    const expected = repackGgml(type, blocks, rows, columns)
    const store = await filled(await blockFile(type, blocks), expected.length, (expected.length / 512) * 300)
    expect(Buffer.compare(store, expected)).toBe(0)
  })

  it('is refused for what is wrong in its first piece, while the second is being read', async () => {
    const blocks = blocksOf('Q8_0')
    blocks[1] = 0x7c
    await expect(filled(await blockFile('Q8_0', blocks), blocks.length, blocks.length / 2)).rejects.toMatchObject({
      code: 'invalid-file',
    })
  })

  it('is refused for what is wrong in its last piece', async () => {
    const blocks = blocksOf('Q8_0')
    blocks[blocks.length - 33] = 0x7c
    await expect(filled(await blockFile('Q8_0', blocks), blocks.length, blocks.length / 2)).rejects.toMatchObject({
      code: 'invalid-file',
    })
  })
})
