import { expect, test } from 'vitest'
import type { Backend } from '../backends/backend.ts'
import { referenceBackend } from '../backends/ref/index.ts'
import { wasmBackend } from '../backends/wasm/index.ts'
import { wideUses } from './wide.ts'
import { firstMismatch } from './wide-test.ts'

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
  expect(await firstMismatch(wasmBackend({ mode: 'inline', wide: true }), use)).toBeUndefined()
})

test.each([
  ['product, left as is, right transposed', 'product, left as is, right transposed'],
  ['product of 53 rows with q4g32 and int8', 'product of 53 rows with q4g32 and int8'],
  ['product of 2 rows with q6k and int8', 'product of 2 rows with q6k and int8'],
  ['forward.1', 'the logits of token 1 after it'],
  ['gradients', 'the loss of a model'],
])('one wrong number in %s is found', async (program, name) => {
  const use = program === 'gradients' ? 'training' : 'answers'
  expect(await firstMismatch(damaged(program, 0.01), use)).toBe(name)
  expect(await firstMismatch(damaged(program, 1e-5), use)).toBeUndefined()
})
