import { expect, test } from 'vitest'
import type { Backend } from '../backends/backend.ts'
import { referenceBackend } from '../backends/ref/index.ts'
import { wasmBackend } from '../backends/wasm/index.ts'
import { planLayout } from '../backends/wasm/layout.ts'
import { kernelModule } from '../backends/wasm/module.ts'
import { scoreOf } from '../backends/wasm/runner.ts'
import { wideUses, type WideUse } from './wide.ts'
import { repackPanel, type RepackPanel } from '../blocks/ggml-repack.ts'
import { firstMismatch, firstRepackedOtherwise } from './wide-test.ts'

/** The reference, with one number of one result moved by a share of it. */
function damaged(program: string, share: number): Backend {
  const reference = referenceBackend()
  return {
    ...reference,
    async open(programs) {
      const device = await reference.open(programs)
      return {
        ...device,
        async run(name, inputs, options) {
          const outputs = await device.run(name, inputs, options)
          const [values] = Object.values(outputs)
          const largest = values?.reduce((most, value) => Math.max(most, Math.abs(value)), 0) ?? 0
          if (name === program && values !== undefined)
            values[values.length - 1] = (values.at(-1) ?? 0) + share * largest
          return outputs
        },
      }
    },
  }
}

test.each(wideUses)('kernels without widening agree with the reference in what %s need', async (use) => {
  expect(await firstMismatch([wasmBackend({ mode: 'inline', wide: true })], use)).toBeUndefined()
})

test.each([
  ['product, left as is, right transposed', 'product, left as is, right transposed'],
  ['product of 53 rows with q4g32 and int8', 'product of 53 rows with q4g32 and int8'],
  ['product of 2 rows with q6k and int8', 'product of 2 rows with q6k and int8'],
  ['product of 4 rows with Q3_K and f32', 'product of 4 rows with Q3_K and f32'],
  ['forward.1', 'the logits of token 1 after it (phi3, q4g32, f16)'],
  ['vision', 'what a vision tower sees'],
  ['gradients', 'the loss of phi3'],
])('one wrong number in %s is found', async (program, name) => {
  const use = program === 'gradients' ? 'training' : 'answers'
  expect(await firstMismatch([referenceBackend(), damaged(program, 0.01)], use)).toBe(name)
  expect(await firstMismatch([damaged(program, 1e-5)], use)).toBeUndefined()
})

test('one wrong byte in a panel is found', async () => {
  expect(await firstRepackedOtherwise()).toBeUndefined()
  const wrong: RepackPanel = (type, bytes, rows, columns) => {
    const kept = repackPanel(type, bytes, rows, columns)
    if (type === 'Q5_K') bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    return kept
  }
  expect(await firstRepackedOtherwise(wrong)).toBe('repacking of Q5_K')
  expect(await firstRepackedOtherwise(() => false)).toBe('repacking of Q4_0')
})

/** The kernels of the programs that a test runs on a backend of this kind. */
async function kernelsOf(use: WideUse): Promise<string[]> {
  const reference = referenceBackend()
  const kernels = new Set<string>()
  const recording: Backend = {
    ...reference,
    async open(programs) {
      const device = await reference.open(programs)
      const { kernels: named, plans } = scoreOf(planLayout(programs, { threads: 1, maxSlabBytes: 2 ** 30, wide: true }))
      return {
        ...device,
        run(name, inputs, options) {
          const plan = plans[programs.findIndex((program) => program.name === name)]
          for (const kernel of plan?.kernels ?? []) kernels.add(named[kernel] ?? '')
          return device.run(name, inputs, options)
        },
      }
    },
  }
  expect(await firstMismatch([recording], use)).toBeUndefined()
  return [...kernels]
}

test('every kernel that answers or training have runs in the test of answers or in that of training', async () => {
  const tested = new Set([...(await kernelsOf('answers')), ...(await kernelsOf('training'))])
  const exported = WebAssembly.Module.exports(await kernelModule('relaxed', false)).map(({ name }) => name)
  // They are of the op table, but no answer and no training step has them; those of experts call what products have, and
  // columns are filled with one value, beside which no tolerance means anything. Repacking is no step of a program: it is tested by itself.
  expect(exported.filter((name) => !tested.has(name))).toEqual([
    ...['dequantizePacked', 'dequantizeGgml', 'expertPacked', 'expertQuantizeRows', 'fillColumns', 'repackPanel'],
  ])
})
