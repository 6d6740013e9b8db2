/** Arithmetic in f16, which SwiftShader has not: its kernels run in f32, every result of which is rounded to f16. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { changedGpu } from '../../../tests/webgpu/changed-gpu.ts'
import { hasSoftwareGpu } from '../../../tests/webgpu/software-gpu.ts'
import type { GgmlDType } from '../../base/dtype.ts'
import { present } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { dequantize, linear, pageSize } from '../../program/index.ts'
import { CaseBuilder, runCase, type OpCase } from '../op-cases-harness.ts'
import { runOnReference, type Results } from '../op-results-harness.ts'
import { webgpuBackend } from './backend.ts'
import type { Arithmetic } from './steps.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

/** What stands for f16 and for the functions of `multiplications`. */
const rounded: readonly (readonly [RegExp, string])[] = [
  [/^enable f16;/, 'alias f16 = f32;'],
  [/return f16\(value\);/, 'return quantizeToF16(value);'],
  [/return vec4<f16>\(values\);/, 'return quantizeToF16(values);'],
  [/return f32\(left \* right\);/, 'return quantizeToF16(left * right);'],
  [
    /return f32\(dot\(left, right\)\);/,
    `let products = quantizeToF16(left * right);
  let sum = quantizeToF16(quantizeToF16(products.x + products.y) + products.z);
  return quantizeToF16(sum + products.w);`,
  ],
]

const ggmlDTypes: readonly GgmlDType[] = ['Q4_1', 'Q5_0', 'Q5_1', 'Q2_K', 'Q3_K']

/** Kernels in f16 that were compiled. */
let compiled = 0

function stubHalves(): void {
  compiled = 0
  const device = (native: GPUDevice) => ({
    createShaderModule(descriptor: GPUShaderModuleDescriptor) {
      if (!descriptor.code.startsWith('enable f16;')) return native.createShaderModule(descriptor)
      compiled++
      const code = rounded.reduce((text, [from, to]) => text.replace(from, to), descriptor.code)
      return native.createShaderModule({ ...descriptor, code })
    },
  })
  vi.stubGlobal('navigator', { gpu: changedGpu({ features: ['shader-f16'], device }) })
}

async function run(one: OpCase, arithmetic: Arithmetic): Promise<Results> {
  const device = await (await webgpuBackend({ arithmetic })).open([one.program])
  try {
    return await runCase(device, one)
  } finally {
    await device.dispose()
  }
}

/** Half of the distance between neighbours in f16, relative to their magnitude. */
const unit = 2 ** -11
/** What is lost at most of a number that is too small for a normal half. */
const flushed = 2 ** -14

function inputOf(one: OpCase, index: number): Float32Array {
  return present(Object.values(one.inputs).filter((values) => values instanceof Float32Array)[index], 'input')
}

/** Expects that no element of `found` is further from the oracle than `bound` says, and that it is not what f32 gives. */
async function expectWithin(one: OpCase, expected: Float32Array, bound: (element: number) => number): Promise<void> {
  const [{ y: halves }, { y: floats }] = [await run(one, 'f16'), await run(one, 'f32')]
  expect(compiled).toBe(1)
  const errors = present(halves, 'result').map((value, index) => Math.abs(value - present(expected[index], 'expected')))
  expect(errors.findIndex((error, index) => !(error <= bound(index)))).toBe(-1)
  expect(halves).not.toEqual(floats)
}

const [tokens, rows, inner] = [9, 33, 256]

/** More tokens than a kernel streams weights for; weights are an output besides. */
function productCase(dtype: GgmlDType): OpCase {
  const at = new CaseBuilder(`product ${dtype}`, 0, new Random(3))
  const [x, weight] = [at.input([tokens, inner]), at.ggml(dtype, rows, inner)]
  at.trace.output('y', linear(x, weight, 'f32'))
  at.trace.output('weights', dequantize(weight))
  return at.finish()
}

const [heads, kvHeads, headSize, scale, length] = [4, 2, 32, 0.2, 40]

/** The last so many rows of a sequence, whose cache may have so many pages. */
function attentionCase(queries: number, pages = 1): OpCase {
  const at = new CaseBuilder(`attention ${queries} ${pages}`, 0, new Random(5))
  const each = (of: (row: number) => number): number[] => Array.from({ length: queries }, (_, row) => of(row))
  const pool = () => at.pool('f16', [pages, kvHeads, pageSize, headSize])
  const table = Array.from({ length: pages }, (_, page) => page)
  const inputs = [pool(), pool(), at.indices(table, [1, pages]), at.indices(each(() => 0))]
  inputs.push(at.indices(each((row) => length - queries + row)), at.input([queries, heads * headSize]))
  const [y] = at.trace.apply('pagedAttention', inputs, { heads, kvHeads, headSize, window: 0, scale })
  at.trace.output('y', present(y, 'y'))
  return at.finish()
}

describe.skipIf(!hasSoftwareGpu)('in f16', () => {
  test.each(ggmlDTypes)('a product with %s is within its bound', async (dtype) => {
    stubHalves()
    const one = productCase(dtype)
    const { y, weights } = await runOnReference(one)
    const [values, matrix] = [inputOf(one, 0), present(weights, 'weights')]
    await expectWithin(one, present(y, 'y'), (element) => {
      const [token, row] = [Math.floor(element / rows), element % rows]
      let bound = 0
      for (let column = 0; column < inner; column++) {
        const a = Math.abs(present(values[token * inner + column], 'x'))
        const b = Math.abs(present(matrix[row * inner + column], 'weight'))
        bound += 8 * unit * a * b + 4 * flushed * Math.max(1, a, b)
      }
      return bound
    })
  })

  test.each([
    ['of a decoded row', 1],
    ['of a prompt', 40],
  ])('attention %s is within its bound', async (_title, queries) => {
    stubHalves()
    const one = attentionCase(queries)
    const [keys, values] = [...one.store.values()].map((bytes) => new Float16Array(bytes.buffer))
    const query = inputOf(one, 0)
    await expectWithin(one, present((await runOnReference(one))['y'], 'y'), (element) => {
      const [row, head] = [Math.floor(element / headSize / heads), Math.floor(element / headSize) % heads]
      let [score, most] = [0, 0]
      for (let position = 0; position <= length - queries + row; position++) {
        const slot = (Math.floor((head * kvHeads) / heads) * pageSize + position) * headSize
        let bound = 0
        for (let component = 0; component < headSize; component++) {
          const a = Math.abs(scale * present(query[(row * heads + head) * headSize + component], 'query'))
          const b = Math.abs(present(keys?.[slot + component], 'key'))
          bound += 2 * unit * a * b + 4 * flushed * Math.max(1, a, b)
        }
        score = Math.max(score, bound)
        most = Math.max(most, Math.abs(present(values?.[slot + (element % headSize)], 'value')))
      }
      return Math.expm1(2 * score) * most + 1e-5
    })
  })

  test('nothing else changes', async () => {
    stubHalves()
    const at = new CaseBuilder('panels', 0, new Random(5))
    at.trace.output('y', linear(at.input([40, 64]), at.packed('q4g32', 8, 64), 'f32'))
    const one = at.finish()
    expect(await run(one, 'f16')).toEqual(await run(one, 'f32'))
    expect(compiled).toBe(0)
  })

  test('every kernel is taken by a device that has it', async () => {
    const names: string[] = []
    const device = (native: GPUDevice) => ({
      createShaderModule(descriptor: GPUShaderModuleDescriptor) {
        if (descriptor.code.startsWith('enable f16;')) names.push(present(descriptor.label, 'label'))
        return native.createShaderModule(descriptor)
      },
    })
    vi.stubGlobal('navigator', { gpu: changedGpu({ device }, 'null') })
    const cases = [...ggmlDTypes.map(productCase), attentionCase(1), attentionCase(20), attentionCase(1, 9)]
    const backend = await webgpuBackend({ arithmetic: 'f16' })
    const opened = await backend.open(cases.map(({ program }) => program))
    await opened.dispose()
    const products = ggmlDTypes.map((dtype) => `tileFloats ${dtype} f16`)
    const attention = Array.from({ length: 3 }, () => 'pagedAttention')
    expect(names.toSorted()).toEqual([...attention, ...products].toSorted())
  })

  test('is refused where the GPU has it not', async () => {
    const refusal = { code: 'not-supported', message: expect.stringContaining('"shader-f16"') }
    await expect(webgpuBackend({ arithmetic: 'f16' })).rejects.toMatchObject(refusal)
  })
})
