import { describe, expect, test } from 'vitest'
import { present } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import {
  accumulate,
  add,
  attention,
  clipFactor,
  crossEntropy,
  differentiate,
  fill,
  linear,
  matmul,
  rmsNorm,
  scale,
  siluMultiply,
  squaredNorm,
  Trace,
  weightedSum,
  type Program,
  type Tensor,
} from '../../program/index.ts'
import { tensorType } from '../../program/ops/definition.ts'
import { packMatrix } from '../../blocks/packed.ts'
import type { Backend } from '../backend.ts'
import { planBarriers, type StepSpans } from './barriers.ts'
import { WasmDevice } from './device.ts'
import { wasmBackend } from './index.ts'
import { inlineRunner } from './inline.ts'
import { planLayout, writeArguments, type Layout } from './layout.ts'
import { memoryBytesFor, spreadBackend } from './memories-harness.ts'
import { kernelModule } from './module.ts'
import { rewrites, type Rewrite } from './rewrites.ts'
import { printSteps } from './steps.ts'

const options = { threads: 1, maxSlabBytes: 2 ** 30, wide: false }

/** Three packed projections of one activation, then one of another. */
function projections(): Program {
  const trace = new Trace('projections')
  const weight = (name: string, rows: number): Tensor => trace.bind('parameter', name, tensorType('q4g32', rows, 64))
  const x = trace.bind('input', 'x', tensorType('f32', 5, 64))
  trace.output('q', linear(x, weight('q', 24), 'int8'))
  trace.output('k', linear(x, weight('k', 8), 'int8'))
  const state = trace.bind('state', 'state', tensorType('f32', 5, 64))
  trace.output('before', linear(state, weight('q', 24), 'int8'))
  accumulate(state, x)
  trace.output('after', linear(state, weight('q', 24), 'int8'))
  trace.output('exact', linear(x, weight('q', 24), 'f32'))
  return trace.finish()
}

/** The gradients of attention by its three operands. */
function attentionGradients(): Program {
  const trace = new Trace('attention')
  const operands = ['q', 'k', 'v'].map((name) => trace.bind('input', name, tensorType('f32', 9, 16)))
  const [q, k, v] = operands as [Tensor, Tensor, Tensor]
  const starts = trace.bind('input', 'starts', tensorType('i32', 9))
  const y = attention(q, k, v, starts, { heads: 2, kvHeads: 2, headSize: 8, window: 0, scale: 0.3 })
  const seed = trace.bind('input', 'seed', tensorType('f32', 9, 16))
  differentiate(y, seed, operands).forEach((gradient, index) => {
    if (gradient !== undefined) trace.output(`d${index}`, gradient)
  })
  return trace.finish()
}

function kernelsOf(layout: Layout): string[] {
  return present(layout.programs[0], 'program').program.steps.map((step) => step.kernel)
}

async function runWith(program: Program, list: readonly Rewrite[], longestSegment = 1e9) {
  const layout = planLayout([program], { ...options, rewrites: list, longestSegment })
  const memory = new WebAssembly.Memory({ initial: layout.pages, maximum: layout.pages })
  writeArguments(layout, memory.buffer)
  const device = new WasmDevice(memory, layout, inlineRunner(await kernelModule('relaxed', false), [memory], layout))
  const random = new Random(5)
  for (const name of device.names()) {
    const { dtype, shape } = device.typeOf(name)
    const [rows = 0, columns = 0] = shape
    const values = Float32Array.from({ length: rows * columns }, () => random.normal())
    if (dtype === 'q4g32') await device.fill(name, (bytes) => bytes.set(packMatrix(values, rows, columns, dtype)))
    else device.write(name, values)
  }
  const inputs = Object.fromEntries(
    program.values
      .filter((value) => value.origin === 'input')
      .map(({ name, type }) => {
        const length = type.shape.reduce((product, extent) => product * extent, 1)
        return [
          name,
          type.dtype === 'i32' ? new Int32Array(length) : Float32Array.from({ length }, () => random.normal()),
        ]
      }),
  )
  return device.run(program.name, inputs)
}

describe('rewrites', () => {
  test('one quantisation serves all products of the same activation, until it is written', async () => {
    const program = projections()
    const [plain, shared] = [planLayout([program], { ...options, rewrites: [] }), planLayout([program], options)]
    const quantized = (layout: Layout): number => kernelsOf(layout).filter((name) => name === 'quantizeRows').length
    expect([quantized(plain), quantized(shared)]).toEqual([4, 3])
    expect(await runWith(program, rewrites)).toEqual(await runWith(program, []))
  })

  test('the gradients of attention are computed once', async () => {
    const program = attentionGradients()
    const count = (list: readonly Rewrite[]): number =>
      kernelsOf(planLayout([program], { ...options, rewrites: list })).filter((name) => name === 'attentionGradient')
        .length
    expect([count([]), count(rewrites)]).toEqual([2, 1])
    expect(await runWith(program, rewrites)).toEqual(await runWith(program, []))
  })

  test('a product adds itself to the state that it is for, unless something else reads it', async () => {
    const trace = new Trace('products')
    const bind = (origin: 'input' | 'state', name: string, rows: number, columns: number): Tensor =>
      trace.bind(origin, name, tensorType('f32', rows, columns))
    const [left, right] = [bind('input', 'left', 7, 9), bind('input', 'right', 7, 5)]
    for (const name of ['added', 'read', 'touched']) fill(bind('state', name, 9, 5), 0)
    accumulate(bind('state', 'added', 9, 5), matmul(left, right, { transposeLeft: true }))
    const product = matmul(left, right, { transposeLeft: true })
    accumulate(bind('state', 'read', 9, 5), product)
    trace.output('product', scale(product, 1))
    const late = matmul(left, right, { transposeLeft: true })
    fill(bind('state', 'touched', 9, 5), 2)
    accumulate(bind('state', 'touched', 9, 5), late)
    for (const name of ['added', 'read', 'touched']) trace.output(name, scale(bind('state', name, 9, 5), 1))
    const program = trace.finish()
    const sums = (list: readonly Rewrite[]): number =>
      kernelsOf(planLayout([program], { ...options, rewrites: list })).filter((name) => name === 'accumulate').length
    expect([sums([]), sums(rewrites)]).toEqual([3, 2])
    expect(await runWith(program, rewrites)).toEqual(await runWith(program, []))
  })

  test.each([8, 6])('results take the place of operands that nothing reads any more, width %i', async (width) => {
    const trace = new Trace('sums')
    const bind = (name: string, columns: number): Tensor => trace.bind('input', name, tensorType('f32', 5, columns))
    const [left, right] = [bind('left', 2 * width), bind('right', 2 * width)]
    const sum = add(add(scale(left, 2), scale(right, 3)), left)
    const again = add(sum, scale(right, -1))
    const result = siluMultiply(again)
    const [gradient] = differentiate(result, bind('seed', width), [left])
    trace.output('sum', sum)
    trace.output('gradient', present(gradient, 'gradient'))
    const program = trace.finish()
    const used = (list: readonly Rewrite[]): number => {
      const { program: found } = present(planLayout([program], { ...options, rewrites: list }).programs[0], 'program')
      return new Set(found.steps.flatMap(({ writes }) => writes)).size
    }
    // Four sums, one of them of gradients; a gate only where its halves begin at vectors.
    expect(used([]) - used(rewrites)).toBe(width === 8 ? 5 : 4)
    expect(await runWith(program, rewrites)).toEqual(await runWith(program, []))
  })
})

describe('the loss in blocks of rows', () => {
  const [rows, vocabulary, width] = [1600, 150, 6]

  /** The loss of a batch, with its derivatives by the hidden state and by the weights where they are asked for. */
  function loss(wanted: 'loss' | 'derivatives' | 'logits'): Program {
    const trace = new Trace('loss')
    const bind = (name: string, ...shape: number[]): Tensor => trace.bind('input', name, tensorType('f32', ...shape))
    const [hidden, weight] = [bind('hidden', rows, width), bind('weight', vocabulary, width)]
    const targets = trace.bind('input', 'targets', tensorType('i32', rows))
    const logits = matmul(hidden, weight, { transposeRight: true })
    const result = weightedSum(crossEntropy(logits, targets), bind('weights', rows))
    trace.output('loss', result)
    if (wanted === 'logits') trace.output('logits', logits)
    if (wanted === 'derivatives') {
      differentiate(result, bind('seed', 1), [hidden, weight]).forEach((gradient, index) => {
        if (gradient !== undefined) trace.output(`d${index}`, gradient)
      })
    }
    return trace.finish()
  }

  test.each(['loss', 'derivatives'] as const)('has the same bits and needs less memory: %s', async (wanted) => {
    const program = loss(wanted)
    const [plain, blocked] = [planLayout([program], { ...options, rewrites: [] }), planLayout([program], options)]
    expect(kernelsOf(blocked).filter((name) => name === 'crossEntropy').length).toBe(3)
    expect(plain.memory.scratch - blocked.memory.scratch).toBeGreaterThan((rows - 608) * vocabulary * 4 - 2 ** 16)
    expect(await runWith(program, rewrites)).toEqual(await runWith(program, []))
  })

  test('has the same bits in several memories', async () => {
    const [entries, size] = [1200, 64]
    const trace = new Trace('training')
    const input = (name: string, ...shape: number[]): Tensor => trace.bind('input', name, tensorType('f32', ...shape))
    const weight = trace.bind('parameter', 'weight', tensorType('f32', entries, size))
    const gradient = trace.bind('state', 'gradient', tensorType('f32', entries, size))
    const hidden = input('hidden', rows, size)
    const logits = matmul(hidden, weight, { transposeRight: true })
    const targets = trace.bind('input', 'targets', tensorType('i32', rows))
    const result = weightedSum(crossEntropy(logits, targets), input('weights', rows))
    const [towardsHidden, towardsWeight] = differentiate(result, input('seed', 1), [hidden, weight])
    accumulate(gradient, present(towardsWeight, 'gradient'))
    trace.output('hidden', present(towardsHidden, 'gradient'))
    const random = new Random(9)
    const floats = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal())
    const values = floats(entries * size)
    const inputs = {
      hidden: floats(rows * size),
      weights: floats(rows),
      seed: floats(1),
      targets: Int32Array.from({ length: rows }, () => random.integer(0, entries)),
    }
    const program = trace.finish()
    const run = async (backend: Backend) => {
      const device = await backend.open([program])
      for (const name of device.names()) device.write(name, values)
      const outputs = await device.run('training', inputs)
      const sums = device.read('gradient')
      await device.dispose()
      return { ...outputs, sums, memories: device.memory.memories.length }
    }
    const [one, two] = [await run(wasmBackend({ threads: 0 })), await run(spreadBackend(2, { threads: 2 }))]
    expect([one.memories, two.memories]).toEqual([1, 2])
    expect({ ...two, memories: 1 }).toEqual(one)
  })

  test('stays whole where the logits are wanted', () => {
    const program = loss('logits')
    expect(kernelsOf(planLayout([program], options)).filter((name) => name === 'crossEntropy').length).toBe(1)
  })
})

describe('long products', () => {
  interface Case {
    readonly m: number
    readonly n: number
    readonly transposeLeft: boolean
    readonly transposeRight: boolean
  }
  const flags = [false, true]
  const cases: Case[] = flags.flatMap((transposeLeft) =>
    flags.flatMap((transposeRight) => [
      { m: 389, n: 40, transposeLeft, transposeRight },
      { m: 3, n: 387, transposeLeft, transposeRight },
      { m: 100, n: 260, transposeLeft, transposeRight },
    ]),
  )

  test.each(cases)('%o are cut into pieces of the same bits', async ({ m, n, transposeLeft, transposeRight }) => {
    const trace = new Trace('product')
    const left = trace.bind('input', 'left', tensorType('f32', ...(transposeLeft ? [20, m] : [m, 20])))
    const right = trace.bind('input', 'right', tensorType('f32', ...(transposeRight ? [n, 20] : [20, n])))
    trace.output('y', matmul(left, right, { transposeLeft, transposeRight }))
    const program = trace.finish()
    const limit = (m * n * 20) / 3
    const layout = planLayout([program], { ...options, longestSegment: limit })
    expect(kernelsOf(layout).length).toBeGreaterThan(1)
    expect(await runWith(program, rewrites, limit)).toEqual(await runWith(program, []))
  })

  test.each(['int8', 'f32'] as const)('of packed weights likewise, %s', async (activations) => {
    const trace = new Trace('packed')
    const x = trace.bind('input', 'x', tensorType('f32', 7, 64))
    trace.output('y', linear(x, trace.bind('parameter', 'w', tensorType('q4g32', 300, 64)), activations))
    const program = trace.finish()
    const layout = planLayout([program], { ...options, longestSegment: 10_000 })
    expect(kernelsOf(layout).length).toBeGreaterThan(3)
    expect(await runWith(program, rewrites, 10_000)).toEqual(await runWith(program, []))
  })
})

describe('the layout', () => {
  /** Buffers that are alive at once and overlap, or that lie where they should not. */
  function faults(layout: Layout): string[] {
    const found: string[] = []
    for (const { program, addresses, blocks, bufferMemories, stepMemories } of layout.programs) {
      const used = new Map<number, { first: number; last: number }>()
      program.steps.forEach((step, index) => {
        for (const buffer of [...step.reads, ...step.writes]) {
          used.set(buffer, { first: used.get(buffer)?.first ?? index, last: index })
        }
      })
      for (const { pieces } of program.outputs) {
        for (const { buffer } of pieces) present(used.get(buffer), 'output').last = Infinity
      }
      const scratch = (buffer: number): boolean => program.buffers[buffer]?.source.kind === 'scratch'
      const spans = [...used].map(([buffer, life]) => ({
        memory: present(bufferMemories[buffer], 'memory'),
        start: present(addresses[buffer], 'address'),
        end: present(addresses[buffer], 'address') + present(program.buffers[buffer], 'buffer').bytes,
        first: scratch(buffer) ? life.first : -1,
        last: scratch(buffer) ? life.last : Infinity,
      }))
      for (const [index, a] of spans.entries()) {
        const end = present(layout.memories[a.memory], 'memory').pages * 65536
        const ofSteps = blocks.filter((_, step) => stepMemories[step] === a.memory)
        const inside = a.start > Math.max(65536, ...ofSteps) && a.start % 64 === 0 && a.end + 64 <= end
        if (!inside) found.push(`${a.start}..${a.end}`)
        for (const b of spans.slice(index + 1)) {
          const alive = a.memory === b.memory && a.first <= b.last && b.first <= a.last
          if (alive && a.start < b.end && b.start < a.end) found.push(`${a.start} and ${b.start}`)
        }
      }
    }
    return found
  }

  function network(rows: number, width = 32): Program {
    const trace = new Trace(`network${rows}`)
    const bind = (name: string, ...shape: number[]): Tensor =>
      trace.bind('parameter', name, tensorType('f32', ...shape))
    let x = trace.bind('input', 'x', tensorType('f32', rows, width))
    const weights = [bind('norm', width), bind('up', 4 * width, width), bind('down', width, 2 * width)] as const
    for (let layer = 0; layer < 3; layer++) {
      const up = matmul(rmsNorm(x, weights[0], 1e-5), weights[1], { transposeRight: true })
      x = matmul(siluMultiply(up), weights[2], { transposeRight: true })
    }
    const ones = trace.bind('input', 'ones', tensorType('f32', rows))
    trace.output('count', weightedSum(ones, ones))
    trace.output('x', x)
    const seed = trace.bind('input', 'seed', tensorType('f32', rows, width))
    const squares = differentiate(x, seed, weights).map((gradient) => squaredNorm(present(gradient, 'gradient')))
    trace.output('clip', clipFactor(trace.bind('input', 'maxNorm', tensorType('f32', 1)), squares))
    return trace.finish()
  }

  test('gives everything that is alive at once memory of its own', () => {
    expect(faults(planLayout([network(4), network(37)], options))).toEqual([])
    expect(faults(planLayout([projections(), attentionGradients()], { ...options, threads: 4 }))).toEqual([])
  })

  test('does so in several memories', () => {
    const programs = [network(4, 128), network(37, 128), projections(), attentionGradients()]
    const maxMemoryBytes = memoryBytesFor(programs, 2, { threads: 2, maxSlabBytes: 50_000 })
    const layout = planLayout(programs, { threads: 2, maxSlabBytes: 50_000, wide: false, maxMemoryBytes })
    expect(layout.memories.length).toBeGreaterThanOrEqual(2)
    expect(layout.memories.every(({ pages }) => pages * 65536 <= maxMemoryBytes)).toBe(true)
    expect(faults(layout)).toEqual([])
  })

  test('overlays scratch: a deep network takes little more than a shallow one', () => {
    const { program, addresses } = present(planLayout([network(37)], options).programs[0], 'program')
    const scratch = program.buffers.flatMap(({ source, bytes }, buffer) =>
      source.kind === 'scratch' && addresses[buffer] !== 0 ? [{ start: addresses[buffer] ?? 0, bytes }] : [],
    )
    const sum = scratch.reduce((total, { bytes }) => total + bytes, 0)
    const top = Math.max(...scratch.map(({ start, bytes }) => start + bytes))
    const bottom = Math.min(...scratch.map(({ start }) => start))
    expect(top - bottom).toBeLessThan(sum * 0.8)
  })

  test('prints steps with what they read by name', () => {
    const { program } = present(planLayout([projections()], options).programs[0], 'program')
    const [, first, second, third] = printSteps(program).split('\n')
    expect(first).toMatch(/^ {2}quantizeRows\(\$x, #\d+, 5, 64, 64, 32, 6\)$/)
    expect(second).toMatch(
      /^ {2}matmulPacked\(#\d+, @q, #\d+, 5, 24, 64, 24, 4, 32, workspace, workspace stride, 0, 0, 0\)$/,
    )
    expect(third).toMatch(/^ {2}matmulPacked\(#\d+, @k, /)
  })
})

describe('barriers', () => {
  const span = (at: number) => ({ start: at, end: at + 1 })
  const step = (reads: number[], writes: number[], threadZero = false): StepSpans => ({
    reads: reads.map(span),
    writes: writes.map(span),
    threadZero,
  })

  test('stand where a step needs what another has written, or overwrites what another reads or writes', () => {
    expect(planBarriers([step([1], [2]), step([2], [3])])).toEqual([true, false])
    expect(planBarriers([step([1], [2]), step([3], [1])])).toEqual([true, false])
    expect(planBarriers([step([1], [2]), step([3], [2])])).toEqual([true, false])
    expect(planBarriers([step([1], [2]), step([1], [3]), step([3], [4])])).toEqual([false, true, false])
  })

  test('are as late as possible: one serves all that went before', () => {
    const steps = [step([], [1]), step([], [2]), step([], [3]), step([1, 2, 3], [4]), step([1], [5])]
    expect(planBarriers(steps)).toEqual([false, false, true, false, false])
  })

  test('are not needed between steps that thread 0 does alone', () => {
    expect(planBarriers([step([1], [2], true), step([2], [3], true), step([3], [4])])).toEqual([false, true, false])
  })
})
