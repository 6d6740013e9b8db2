/** Attention over caches that are longer than what one group of a GPU walks. */
import { describe, expect, test } from 'vitest'
import { hasSoftwareGpu } from '../../../tests/webgpu/software-gpu.ts'
import { Random } from '../../base/random.ts'
import { pageSize, type CacheDType } from '../../program/index.ts'
import { CaseBuilder, runCase, type OpCase } from '../op-cases-harness.ts'
import { deviation, runOnReference } from '../op-results-harness.ts'
import { webgpuBackend } from './backend.ts'

const [pagesOfSequence, kvHeads, heads] = [9, 2, 4]

/** Rows of two sequences, at and around the borders of chunks of 256; behind them, and where nothing is held, there is NaN. */
function longCase(dtype: CacheDType, window: number): OpCase {
  const at = new CaseBuilder('long', 0, new Random(window))
  const headSize = dtype === 'kv4' ? 32 : 24
  const rows = [
    [1, 254],
    [1, 255],
    [1, 256],
    [0, 0],
    [-1, 0],
    [0, 511],
    [0, 512],
    [0, 513],
    [0, 575],
  ]
  const latest = [575, 256]
  const order = at.random.shuffle(Array.from({ length: 2 * pagesOfSequence }, (_, page) => page))
  const pool = () =>
    at.pool(dtype, [order.length, kvHeads, pageSize, headSize], (index) => {
      const slot = Math.floor(index / headSize)
      const held = order.indexOf(Math.floor(slot / (pageSize * kvHeads)))
      const position = (held % pagesOfSequence) * pageSize + (slot % pageSize)
      return position <= (latest[Math.floor(held / pagesOfSequence)] ?? -1) ? 2 * at.random.normal() : NaN
    })
  const inputs = [pool(), pool(), at.indices(order, [2, pagesOfSequence])]
  inputs.push(at.indices(rows.map(([sequence = 0]) => sequence)))
  inputs.push(at.indices(rows.map(([, position = 0]) => position)))
  inputs.push(at.input([rows.length, heads * headSize]))
  const [y] = at.trace.apply('pagedAttention', inputs, { heads, kvHeads, headSize, window, scale: 0.3 })
  if (y !== undefined) at.trace.output('y', y)
  return at.finish()
}

describe.skipIf(!hasSoftwareGpu)('attention over several chunks of a cache', () => {
  test.each([
    ['f32', 0],
    ['f16', 0],
    ['f32', 3],
    ['f16', 300],
    ['kv8', 0],
    ['kv4', 0],
  ] as const)('agrees with the oracle, %s, window %i', async (dtype, window) => {
    const one = longCase(dtype, window)
    const device = await (await webgpuBackend()).open([one.program])
    try {
      expect(deviation(await runCase(device, one), await runOnReference(one), one.program)).toBeUndefined()
      // The chunks, and what brings them together.
      expect(device.dispatches).toBe(2)
    } finally {
      await device.dispose()
    }
  })
})
