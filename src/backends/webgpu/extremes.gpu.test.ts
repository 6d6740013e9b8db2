/** Numbers at the ends of what formats hold: NaN and infinities that go into the cache, scales that are subnormal halves. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { changedGpu } from '../../../tests/webgpu/changed-gpu.ts'
import { hasSoftwareGpu } from '../../../tests/webgpu/software-gpu.ts'
import type { BlockDType, GgmlDType, KDType } from '../../base/dtype.ts'
import { present } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { linear, pageSize, type CacheDType, type Tensor } from '../../program/index.ts'
import { CaseBuilder, runCase, type OpCase } from '../op-cases-harness.ts'
import { deviation, runOnReference, type Results } from '../op-results-harness.ts'
import { webgpuBackend } from './backend.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

async function run(one: OpCase): Promise<Results> {
  const device = await (await webgpuBackend()).open([one.program])
  try {
    return await runCase(device, one)
  } finally {
    await device.dispose()
  }
}

/** Rows of one sequence each, which write one vector and then see it: of each, one component is extreme, in the key or in the value. */
function cacheCase(dtype: CacheDType, headSize: number): OpCase {
  const extremes = [1, NaN, -NaN, Infinity, -Infinity, 3e38, 65519, -65520, 6e-5, 1e-40, -1e-38]
  const rows = 2 * extremes.length
  const at = new CaseBuilder('extremes', 0, new Random(headSize))
  const each = (of: (row: number) => number): number[] => Array.from({ length: rows }, (_, row) => of(row))
  const pool = (): Tensor => at.pool(dtype, [rows, 1, pageSize, headSize], () => 0)
  const vectors = (parity: number): Tensor =>
    at.input([rows, headSize], (index) => {
      const row = Math.floor(index / headSize)
      const isExtreme = row % 2 === parity && index % headSize === row % headSize
      return isExtreme ? present(extremes[Math.floor(row / 2)], 'extreme') : at.random.normal()
    })
  const index = [
    at.indices(
      each((row) => row),
      [rows, 1],
    ),
    at.indices(each((row) => row)),
    at.indices(each(() => 0)),
  ]
  const pools = [pool(), pool()]
  at.trace.apply('cacheWrite', [...pools, ...index, vectors(0), vectors(1)])
  const shape = { heads: 1, kvHeads: 1, headSize, window: 0, scale: 1e-3 }
  const [y] = at.trace.apply('pagedAttention', [...pools, ...index, at.input([rows, headSize])], shape)
  at.trace.output('y', present(y, 'y'))
  return at.finish()
}

/** Makes scales of a matrix in blocks subnormal: the halves at these bytes of every block. */
function subnormalCase(
  dtype: BlockDType | KDType | GgmlDType,
  blockBytes: number,
  halves: readonly [from: number, to: number],
  tokens: number,
): OpCase {
  const at = new CaseBuilder(`${dtype} ${tokens}`, 0, new Random(11))
  const inner = 256
  const isOurs = dtype.startsWith('q4g') || dtype.startsWith('q8g')
  const weight = isOurs ? at.packed(dtype as BlockDType, 16, inner) : at.ggml(dtype as KDType | GgmlDType, 16, inner)
  at.trace.output('y', linear(at.input([tokens, inner]), weight, 'f32'))
  const one = at.finish()
  const { buffer, byteOffset, byteLength } = present([...one.store.values()][0], 'weight')
  const view = new DataView(buffer, byteOffset, byteLength)
  for (let block = 0; block < byteLength; block += blockBytes) {
    for (let at16 = halves[0]; at16 < halves[1]; at16 += 2) {
      const sign = view.getUint16(block + at16, true) & 0x8000
      view.setUint16(block + at16, sign | at.random.integer(1, 0x400), true)
    }
  }
  return one
}

/** A GPU whose conversion of halves knows no subnormal ones. */
function stubFlushing(): void {
  const flushing = `
fn flushedHalves(bits: u32) -> vec2<f32> {
  let values = unpack2x16float(bits);
  return select(values, vec2<f32>(0.0), abs(values) < vec2<f32>(6.1035156e-5));
}
`
  const device = (native: GPUDevice) => ({
    createShaderModule({ code, ...rest }: GPUShaderModuleDescriptor) {
      const changed = `${code.replaceAll('unpack2x16float', 'flushedHalves')}${flushing}`
      return native.createShaderModule({ ...rest, code: changed })
    },
  })
  vi.stubGlobal('navigator', { gpu: changedGpu({ device }) })
}

describe.skipIf(!hasSoftwareGpu)('what goes into the cache comes out as the oracle says', () => {
  test.each([
    ['f16', 8],
    ['f16', 7],
    ['kv8', 8],
    ['kv8', 6],
    ['kv4', 32],
  ] as const)('%s, heads of %i', async (dtype, headSize) => {
    const one = cacheCase(dtype, headSize)
    const { y } = await runOnReference(one)
    expect(y?.some(Number.isNaN)).toBe(true)
    expect(y?.every(Number.isNaN)).toBe(false)
    const { y: found } = await run(one)
    expect(found).toEqual(y)
  })
})

describe.skipIf(!hasSoftwareGpu)('scales that are subnormal halves are not lost', () => {
  test.each([
    ['q4g32', 32 * 4 + 16, [32 * 4, 32 * 4 + 16]],
    ['q8g64', 64 * 8 + 16, [64 * 8, 64 * 8 + 16]],
    ['q4k', 288 * 4, [0, 32]],
    ['q5k', 352 * 4, [0, 32]],
    ['q6k', 420 * 4, [128, 144]],
    ['Q5_0', 22, [0, 2]],
    ['Q2_K', 84, [80, 84]],
  ] as const)('%s', async (dtype, blockBytes, halves) => {
    stubFlushing()
    for (const tokens of [1, 9]) {
      const one = subnormalCase(dtype, blockBytes, halves, tokens)
      const expected = await runOnReference(one)
      expect(expected['y']?.some((value) => Math.abs(value) > 1e-5)).toBe(true)
      expect(deviation(await run(one), expected, one.program)).toBeUndefined()
    }
  })
})
