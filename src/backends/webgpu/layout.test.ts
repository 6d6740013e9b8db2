import { describe, expect, test } from 'vitest'
import { PocketPhiError } from '../../base/errors.ts'
import { add, attention, matmul, scale, Trace, type Program } from '../../program/index.ts'
import { tensorType } from '../../program/ops/definition.ts'
import { drawCase, drawnKinds } from '../op-cases-harness.ts'
import { mostBindings, mostGroups } from './kernel.ts'
import { argumentBytes, planLayout } from './layout.ts'

const options = { bindingBytes: 2 ** 27, maxSlabBytes: Infinity }

const failure = (code: string, text: string): Error =>
  expect.objectContaining({ constructor: PocketPhiError, code, message: expect.stringContaining(text) }) as Error

/** Programs of every operation, and one with many values that are alive at once. */
function programs(): Program[] {
  const trace = new Trace('tree')
  const x = trace.bind('input', 'x', tensorType('f32', 40, 40))
  const leaves = Array.from({ length: 9 }, (_, index) => scale(matmul(x, x), index))
  trace.output(
    'y',
    leaves.reduce((sum, leaf) => add(sum, leaf)),
  )
  return [trace.finish(), ...drawnKinds.flatMap((kind) => [0, 1, 2].map((seed) => drawCase(kind, seed).program))]
}

describe('a layout', () => {
  test('never lets two buffers share memory that are alive at once', () => {
    for (const { program, scratch } of planLayout(programs(), options).programs) {
      const uses = program.steps.map(({ buffers }) => buffers)
      uses.push(program.outputs.flatMap(({ pieces }) => pieces.map(({ buffer }) => buffer)))
      const alive = (buffer: number): [number, number] => [
        uses.findIndex((used) => used.includes(buffer)),
        uses.findLastIndex((used) => used.includes(buffer)),
      ]
      for (const [one, place] of scratch) {
        for (const [other, otherPlace] of scratch) {
          if (one >= other || place !== otherPlace) continue
          const [[first, last], [otherFirst, otherLast]] = [alive(one), alive(other)]
          expect(last < otherFirst || otherLast < first, `${program.name}: ${one} and ${other}`).toBe(true)
        }
      }
    }
  })

  test('asks no device for more than every device grants', () => {
    for (const { program } of planLayout(programs(), options).programs) {
      for (const { kernel, groups } of program.steps) {
        expect(kernel.bindings.length).toBeLessThanOrEqual(mostBindings)
        expect(Math.max(...groups)).toBeLessThanOrEqual(mostGroups)
        expect(kernel.parameters.length * 4).toBeLessThanOrEqual(argumentBytes)
      }
    }
  })

  test('spreads over two dimensions what is too long for one', () => {
    const trace = new Trace('long')
    trace.output('y', scale(trace.bind('input', 'x', tensorType('f32', 2 ** 24)), 2))
    const [step] = planLayout([trace.finish()], options).programs[0]?.program.steps ?? []
    const [x = 0, y = 0] = step?.groups ?? []
    expect(y).toBeGreaterThan(1)
    expect(x * y * 128).toBeGreaterThanOrEqual(2 ** 24)
  })

  test('refuses a tensor that no kernel can see whole, and an operation that it has no rule for', () => {
    const trace = new Trace('wide')
    trace.output('y', scale(trace.bind('input', 'x', tensorType('f32', 1000)), 2))
    const program = trace.finish()
    expect(() => planLayout([program], { ...options, bindingBytes: 3999 })).toThrow(failure('out-of-memory', '4000'))
    const unknown = { ...program, operations: program.operations.map((operation) => ({ ...operation, kind: 'fold' })) }
    expect(() => planLayout([unknown], options)).toThrow(failure('not-supported', '"fold"'))
  })

  test('takes a tensor of any size that no kernel sees', () => {
    const trace = new Trace('copied')
    trace.output('y', trace.bind('input', 'x', tensorType('f32', 1000)))
    expect(planLayout([trace.finish()], { ...options, bindingBytes: 3999 }).outputBytes).toBe(4000)
  })

  test('refuses heads that do not fit into the memory of a group', () => {
    const program = (headSize: number): Program => {
      const trace = new Trace('attention')
      const x = trace.bind('input', 'x', tensorType('f32', 20, headSize))
      const starts = trace.bind('input', 'starts', tensorType('i32', 20))
      trace.output('y', attention(x, x, x, starts, { heads: 1, kvHeads: 1, headSize, window: 0, scale: 1 }))
      return trace.finish()
    }
    for (const headSize of [64, 96, 128, 256]) planLayout([program(headSize)], options)
    expect(() => planLayout([program(4096)], options)).toThrow(failure('not-supported', 'attention'))
  })
})
