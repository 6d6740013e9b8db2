/** Operations that become one kernel, or none, together with what reads them: the same bits as alone, in fewer dispatches. */
import { expect, test, describe } from 'vitest'
import { hasSoftwareGpu } from '../../../tests/webgpu/software-gpu.ts'
import { present } from '../../base/errors.ts'
import type { PanelDType } from '../../base/dtype.ts'
import {
  cachedAttention,
  linear,
  rmsNorm,
  rope,
  scale,
  siluMultiply,
  splitColumns,
  type Tensor,
} from '../../program/index.ts'
import { Random } from '../../base/random.ts'
import { CaseBuilder, fillStore } from '../op-cases-harness.ts'
import { sameBits, type Results } from '../op-results-harness.ts'
import { webgpuBackend } from './backend.ts'

interface Run {
  readonly results: Results
  readonly dispatches: number
}

/** Runs a program; `apart` makes outputs of values that are else read by one operation alone. */
async function run(build: (at: CaseBuilder, apart: boolean) => void, apart: boolean): Promise<Run> {
  const at = new CaseBuilder('fused', 0, new Random(7))
  build(at, apart)
  const one = at.finish()
  const device = await (await webgpuBackend()).open([one.program])
  try {
    await fillStore(device, one)
    const { y } = await device.run('fused', one.inputs)
    return { results: { y: present(y, 'result') }, dispatches: device.dispatches }
  } finally {
    await device.dispose()
  }
}

async function expectSame(build: (at: CaseBuilder, apart: boolean) => void, saved: number): Promise<void> {
  const [together, alone] = [await run(build, false), await run(build, true)]
  expect(sameBits(together.results, alone.results)).toBe(true)
  expect(together.results['y']?.some((value) => value !== 0)).toBe(true)
  expect(alone.dispatches - together.dispatches).toBe(saved)
}

function weight(at: CaseBuilder, dtype: PanelDType, rows: number, columns: number): Tensor {
  return dtype === 'q4k' ? at.ggml(dtype, rows, columns) : at.packed(dtype as 'q4g32', rows, columns)
}

const dtypes: readonly PanelDType[] = ['q4g32', 'q8g64', 'q4g128', 'q4k']

describe.skipIf(!hasSoftwareGpu)('together with the product that reads them', () => {
  test.each(dtypes)('a norm is rounded where it is computed, %s', async (dtype) => {
    await expectSame((at, apart) => {
      // Wider than what a group does at once.
      const width = 768
      const normed = rmsNorm(at.input([3, width]), at.stored('parameter', [width]), 1e-5)
      if (apart) at.trace.output('normed', normed)
      at.trace.output('y', linear(normed, weight(at, dtype, 20, width), 'int8'))
    }, 1)
  })

  test.each(dtypes)('the product of gate and up is rounded where it is computed, %s', async (dtype) => {
    await expectSame((at, apart) => {
      const product = siluMultiply(at.input([11, 512]))
      if (apart) at.trace.output('product', product)
      at.trace.output('y', linear(product, weight(at, dtype, 9, 256), 'int8'))
    }, 1)
  })

  test('several products share what was rounded once', async () => {
    await expectSame((at, apart) => {
      const x = scale(at.input([2, 64]), 1.5)
      // Rounded in groups of another length, it cannot be shared.
      const other = at.packed(apart ? 'q4g64' : 'q4g32', 8, 64)
      at.trace.output('y', linear(x, at.packed('q4g32', 8, 64), 'int8'))
      at.trace.output('other', linear(x, other, 'int8'))
    }, 1)
  })

  test('columns are turned and cached where they are', async () => {
    await expectSame((at, apart) => {
      const [rows, heads, kvHeads, headSize] = [5, 4, 2, 16]
      const qkv = scale(at.input([rows, (heads + 2 * kvHeads) * headSize]), 1)
      const parts = splitColumns(qkv, heads * headSize, kvHeads * headSize, kvHeads * headSize)
      const [query, key, value] = parts as [Tensor, Tensor, Tensor]
      if (apart) parts.forEach((part, index) => at.trace.output(`part${index}`, part))
      const table = at.input([rows, headSize])
      const pool = (): Tensor => at.pool('f16', [3, kvHeads, 64, headSize], () => 0)
      const cache = {
        keys: pool(),
        values: pool(),
        pageTable: at.indices([2, 0], [1, 2]),
        sequences: at.indices([0, 0, 0, 0, 0]),
        positions: at.indices([0, 1, 2, 3, 4]),
      }
      const geometry = { heads, kvHeads, headSize, window: 0, scale: 0.25 }
      const turned = [rope(query, table, headSize), rope(key, table, headSize)] as const
      at.trace.output('y', cachedAttention(turned[0], turned[1], value, cache, geometry))
    }, 3)
  })
})

describe.skipIf(!hasSoftwareGpu)('what is no number', () => {
  test.each([
    [3, NaN],
    [40, NaN],
    [3, Infinity],
  ])('shows in its row of a product of %i rows: %d', async (rows, odd) => {
    const [inner, columns] = [64, 16]
    const { results } = await run((at) => {
      const x = at.f32([rows, inner], (index) => (index === inner + 5 ? odd : at.random.normal()))
      at.trace.output('y', linear(x, at.packed('q4g32', columns, inner), 'int8'))
    }, false)
    const y = present(results['y'], 'result')
    expect([...y.subarray(columns, 2 * columns)].every(Number.isNaN)).toBe(true)
    expect([...y.subarray(0, columns), ...y.subarray(2 * columns)].every(Number.isFinite)).toBe(true)
  })
})
