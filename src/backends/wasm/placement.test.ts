import { describe, expect, test } from 'vitest'
import { PocketPhiError } from '../../base/errors.ts'
import type { StorePlan } from '../../program/plan.ts'
import { guardedBytes, placeStore } from './placement.ts'
import type { Step, StepProgram } from './steps.ts'

/** Every tensor in slabs of these bytes. */
type Sizes = Readonly<Record<string, readonly number[]>>

function storeOf(sizes: Sizes): StorePlan {
  const tensors = Object.entries(sizes).map(([name, slabs]) => {
    const type = { dtype: 'f32', shape: [slabs.length] } as const
    return { name, origin: 'parameter', type, slabs: slabs.map((bytes, row) => ({ row, rows: 1, bytes })) } as const
  })
  return { tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])) }
}

/** A program whose steps use these slabs together, each written `name` or `name.slab`. */
function programOf(...uses: readonly (readonly string[])[]): StepProgram {
  const buffers: StepProgram['buffers'][number][] = []
  const steps = uses.map((used): Step => {
    const reads = used.map((text) => {
      const [name = '', slab = '0'] = text.split('.')
      return buffers.push({ bytes: 0, source: { kind: 'store', name, slab: Number(slab) } }) - 1
    })
    return { kernel: 'any', words: [], reads, writes: [], cost: 1, workspace: 0, scope: '' }
  })
  return { name: 'p', buffers, steps, inputs: [], outputs: [], checks: [] }
}

/** The memory of every slab, by name. */
function memoriesOf(programs: readonly StepProgram[], sizes: Sizes, room: number): Record<string, number[]> {
  const { places } = placeStore(programs, storeOf(sizes), room)
  return Object.fromEntries([...places].map(([name, slabs]) => [name, slabs.map(({ memory }) => memory)]))
}

const kilobyte = 1024
const room = guardedBytes(kilobyte) * 2

describe('the store', () => {
  test('fills memories in the order of first use, whatever the order of the tensors', () => {
    const sizes = { e: [kilobyte], d: [kilobyte], c: [kilobyte], b: [kilobyte], a: [kilobyte] }
    const program = programOf(['a'], ['b'], ['a'], ['c'], ['d'], ['b'])
    // What no step uses comes last.
    expect(memoriesOf([program], sizes, room)).toEqual({ a: [0], b: [0], c: [1], d: [1], e: [2] })
    expect(memoriesOf([programOf(['d']), program], sizes, room)).toEqual({ d: [0], a: [0], b: [1], c: [1], e: [2] })
  })

  test('lies in one memory where it can, every slab behind the guard of the one before', () => {
    const sizes = { a: [10, 20], b: [30], c: [40] }
    const { places, bytes } = placeStore([programOf(['b'], ['a.1'])], storeOf(sizes), 4 * 128)
    expect([...places]).toEqual([
      [
        'a',
        [
          { memory: 0, offset: 256 },
          { memory: 0, offset: 128 },
        ],
      ],
      ['b', [{ memory: 0, offset: 0 }]],
      ['c', [{ memory: 0, offset: 384 }]],
    ])
    expect(bytes).toEqual([512])
  })

  test('does not go back to a memory that has room left for something small', () => {
    const sizes = { a: [kilobyte], b: [2 * kilobyte], c: [10] }
    expect(memoriesOf([programOf(['a'], ['b'], ['c'])], sizes, room + 256)).toEqual({ a: [0], b: [1], c: [1] })
  })

  test('keeps together what one step uses, and what such tensors are used with elsewhere', () => {
    const sizes = { a: [kilobyte], keys: [kilobyte], values: [kilobyte], more: [kilobyte] }
    expect(memoriesOf([programOf(['a'], ['keys'], ['keys', 'values'])], sizes, room)).toEqual({
      a: [0],
      keys: [1],
      values: [1],
      more: [2],
    })
    const chained = programOf(['keys'], ['values', 'keys'], ['more', 'values'])
    expect(memoriesOf([chained], sizes, 4 * room)).toEqual({ a: [0], keys: [0], values: [0], more: [0] })
    expect(() => memoriesOf([chained], sizes, room)).toThrow('keys, values, more')
  })

  test('spreads slabs of one tensor, each with those that are used with it', () => {
    const sizes = { weight: [kilobyte, kilobyte, 10], moment: [kilobyte, kilobyte, 10] }
    const steps = [0, 1, 2].map((slab) => [`weight.${slab}`, `moment.${slab}`])
    expect(memoriesOf([programOf(...steps)], sizes, room)).toEqual({ weight: [0, 1, 2], moment: [0, 1, 2] })
  })

  test('is refused by name where things used together are larger than a memory', () => {
    const store = storeOf({ keys: [kilobyte], values: [2 * kilobyte] })
    const place = () => placeStore([programOf(['keys', 'values'])], store, room)
    expect(place).toThrow(PocketPhiError)
    expect(place).toThrow(
      expect.objectContaining({
        code: 'out-of-memory',
        found: '3200 bytes of keys, values',
        remedy: expect.any(String),
      }),
    )
  })
})
