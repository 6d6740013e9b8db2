/** Products whose extents are those of the tiles of the kernels, and one more or less. */
import { describe, expect, test } from 'vitest'
import { hasSoftwareGpu } from '../../../tests/webgpu/software-gpu.ts'
import { Random } from '../../base/random.ts'
import { linear, matmul, type ActivationFormat } from '../../program/index.ts'
import { CaseBuilder, runCase, type OpCase } from '../op-cases-harness.ts'
import { deviation, runOnReference } from '../op-results-harness.ts'
import { webgpuBackend } from './backend.ts'
import { fewRows, productTile } from './kernels/matmul.ts'
import { packedTile, streamed } from './kernels/packed.ts'

const around = (extent: number): number[] => [extent - 1, extent, extent + 1]

async function faults(cases: readonly OpCase[]): Promise<string[]> {
  const device = await (await webgpuBackend()).open(cases.map(({ program }) => program))
  const found: string[] = []
  try {
    for (const one of cases) {
      const fault = deviation(await runCase(device, one), await runOnReference(one), one.program)
      if (fault !== undefined) found.push(`${one.program.name}: ${fault}`)
    }
  } finally {
    await device.dispose()
  }
  return found
}

function dense(rows: number, columns: number, inner: number, left: boolean, right: boolean): OpCase {
  const at = new CaseBuilder(`${rows} ${columns} ${inner} ${left} ${right}`, 0, new Random(rows * columns + inner))
  const a = at.input(left ? [inner, rows] : [rows, inner])
  const b = at.input(right ? [columns, inner] : [inner, columns])
  at.trace.output('y', matmul(a, b, { transposeLeft: left, transposeRight: right }))
  return at.finish()
}

function packed(tokens: number, rows: number, inner: number, activations: ActivationFormat): OpCase {
  const at = new CaseBuilder(`${tokens} ${rows} ${inner} ${activations}`, 0, new Random(tokens * rows + inner))
  at.trace.output('y', linear(at.input([tokens, inner]), at.packed('q4g32', rows, inner), activations))
  return at.finish()
}

describe.skipIf(!hasSoftwareGpu)('products agree with the oracle at the edges of tiles', () => {
  test.each([
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ])('of f32, transposed %s and %s', async (left, right) => {
    const extents = [...around(productTile), 1]
    const cases = extents.flatMap((rows) => extents.map((columns) => dense(rows, columns, 17, left, right)))
    cases.push(...around(16).map((inner) => dense(5, 65, inner, left, right)))
    cases.push(...around(fewRows).map((rows) => dense(rows, 9, 129, left, right)))
    expect(await faults(cases)).toEqual([])
  })

  test.each(['int8', 'f32'] as const)('of 4 bits, with activations of %s', async (activations) => {
    const tokens = [...around(packedTile), ...around(Math.max(...streamed))]
    const cases = tokens.flatMap((count) => around(packedTile).map((rows) => packed(count, rows, 96, activations)))
    // More groups of columns than a thread of a streaming kernel takes at once.
    cases.push(...streamed.map((count) => packed(count, 8, 32 * 9, activations)))
    expect(await faults(cases)).toEqual([])
  })
})
