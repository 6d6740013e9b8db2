import { describe, expect, test } from 'vitest'
import { present } from '../../base/errors.ts'
import { modelFromConfig } from '../../models/index.ts'
import { traceCached, traceSequences } from '../../models/trace.ts'
import {
  accumulate,
  add,
  adamW,
  clipFactor,
  crossEntropy,
  differentiate,
  linear,
  scale,
  squaredNorm,
  Trace,
  weightedSum,
  type Program,
  type Tensor,
} from '../../program/index.ts'
import { tensorType } from '../../program/ops/definition.ts'
import { planLayout, type Layout, type ProgramLayout } from './layout.ts'
import { memoryBytesFor } from './memories-harness.ts'
import { copyBetweenMemories, type StepProgram } from './steps.ts'

const options = { threads: 1, maxSlabBytes: 2 ** 30, wide: false }

function spread(programs: readonly Program[], atLeast: number, maxSlabBytes = options.maxSlabBytes): Layout {
  const maxMemoryBytes = memoryBytesFor(programs, atLeast, { threads: 1, maxSlabBytes })
  return planLayout(programs, { ...options, maxSlabBytes, maxMemoryBytes })
}

/** Where a distributed program does not compute what the original does: values are followed by the step that wrote them. */
function faults(original: StepProgram, { program, bufferMemories, stepMemories }: ProgramLayout): string[] {
  const found: string[] = []
  const written = new Map<number, number>()
  const contents = new Map<number, number>()
  const given = new Set(program.inputs.map(({ buffer }) => buffer))
  const memoryOf = (buffer: number): number | undefined => bufferMemories[buffer]
  let index = 0
  program.steps.forEach((step, position) => {
    if (step.kernel === copyBetweenMemories) {
      const [from = -1, to = -1] = [step.reads[0], step.writes[0]]
      contents.set(to, contents.get(from) ?? -1)
      const [source, target] = [from, to].map((buffer) => program.buffers[buffer])
      if (memoryOf(from) === memoryOf(to) || source?.bytes !== target?.bytes || step.words[2] !== source?.bytes) {
        found.push(`copy ${position}`)
      }
      return
    }
    const before = present(original.steps[index], 'step')
    if (before.kernel !== step.kernel) found.push(`${step.kernel} instead of ${before.kernel}`)
    const uses = [
      ...before.reads.map((buffer, at) => [buffer, step.reads[at] ?? -1] as const),
      ...before.writes.map((buffer, at) => [buffer, step.writes[at] ?? -1] as const),
    ]
    for (const [old, now] of uses) {
      if (memoryOf(now) !== stepMemories[position]) found.push(`${step.kernel} ${index} reaches into another memory`)
      if (contents.get(now) !== written.get(old)) found.push(`${step.kernel} ${index} sees an old value`)
      const isInput = program.buffers[now]?.source.kind === 'input'
      if (isInput && !given.has(now)) found.push(`${step.kernel} ${index} reads an input that nobody writes`)
    }
    before.writes.forEach((buffer, at) => {
      written.set(buffer, index)
      contents.set(step.writes[at] ?? -1, index)
    })
    index += 1
  })
  if (index !== original.steps.length) found.push(`${index} steps`)
  original.outputs.forEach(({ pieces }, output) =>
    pieces.forEach(({ buffer }, piece) => {
      const now = present(program.outputs[output]?.pieces[piece], 'piece').buffer
      if (contents.get(now) !== written.get(buffer)) found.push(`output ${output} is old`)
    }),
  )
  return found
}

function allFaults(programs: readonly Program[], layout: Layout): string[] {
  const whole = planLayout(programs, options)
  return layout.programs.flatMap((program, index) => faults(present(whole.programs[index], 'program').program, program))
}

function copiesOf({ program }: ProgramLayout): { scope: string; bytes: number }[] {
  return program.steps
    .filter(({ kernel }) => kernel === copyBetweenMemories)
    .map(({ scope, words }) => ({ scope, bytes: Number(words[2]) }))
}

const model = modelFromConfig({
  model_type: 'phi3',
  vocab_size: 96,
  hidden_size: 64,
  intermediate_size: 192,
  num_hidden_layers: 6,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 256,
})

/** A transformer with a cache; weights of 8 bits. */
function cachedPrograms(): Program[] {
  const dtypeOf = (_: string, shape: readonly number[]) => (shape.length > 1 ? 'q8g32' : 'f32')
  const cache = { pages: 3, sequences: 1, pagesOfSequence: 2 }
  return [8, 1].map((rows) => traceCached(model, rows, cache, { dtypeOf, activations: 'int8' }).program)
}

function trainingPrograms(): Program[] {
  const { trace, logits, parameters } = traceSequences(model, 'gradients', 24)
  const targets = trace.bind('input', 'targets', tensorType('i32', 24))
  const loss = weightedSum(crossEntropy(logits, targets), trace.bind('input', 'weights', tensorType('f32', 24)))
  const bound = parameters.map(({ name, shape }) => trace.bind('parameter', name, tensorType('f32', ...shape)))
  const gradients = differentiate(loss, trace.bind('input', 'seed', tensorType('f32', 1)), bound)
  const update = new Trace('update')
  const states = parameters.map(({ name, shape }, index) => {
    const type = tensorType('f32', ...shape)
    const gradient = gradients[index]
    if (gradient !== undefined) accumulate(trace.bind('state', `gradient.${name}`, type), gradient)
    const state = (prefix: string): Tensor => update.bind('state', `${prefix}.${name}`, type)
    const parameter = update.bind('parameter', name, type)
    return { parameter, gradient: state('gradient'), first: state('first'), second: state('second') }
  })
  const maxNorm = update.bind('input', 'maxNorm', tensorType('f32', 1))
  const clip = clipFactor(
    maxNorm,
    states.map(({ gradient }) => squaredNorm(gradient)),
  )
  const schedule = update.bind('input', 'schedule', tensorType('f32', 3))
  const constants = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 }
  for (const tensors of states) adamW({ ...tensors, clip, schedule }, constants)
  trace.output('loss', loss)
  update.output('clip', clip)
  return [trace.finish(), update.finish()]
}

describe('steps over several memories', () => {
  test('are those over one where one is enough', () => {
    const { programs, memories } = planLayout(cachedPrograms(), options)
    expect(memories).toHaveLength(1)
    expect(programs.flatMap(copiesOf)).toEqual([])
  })

  test.each([2, 3, 5])('see the values of one memory, in %i or more, with a cache', (atLeast) => {
    const programs = cachedPrograms()
    const layout = spread(programs, atLeast)
    expect(layout.memories.length).toBeGreaterThanOrEqual(atLeast)
    expect(allFaults(programs, layout)).toEqual([])
  })

  test.each([2, 4])('see the values of one memory, in %i or more, in training', (atLeast) => {
    const programs = trainingPrograms()
    const layout = spread(programs, atLeast)
    expect(layout.memories.length).toBeGreaterThanOrEqual(atLeast)
    expect(allFaults(programs, layout)).toEqual([])
  })

  test('hand on little more than the hidden state from memory to memory', () => {
    const layout = spread(cachedPrograms(), 3)
    for (const [index, rows] of [8, 1].entries()) {
      const copies = copiesOf(present(layout.programs[index], 'program'))
      // Within a layer queries, keys and values may cross, and what is quantised; the rotary table once into each memory.
      const widest = rows * 64 * 4
      expect(copies.every(({ bytes }) => bytes <= widest)).toBe(true)
      expect(new Set(copies.map(({ scope }) => scope)).size).toBeLessThanOrEqual(2 * (layout.memories.length - 1))
      expect(copies.length).toBeLessThanOrEqual(6 * (layout.memories.length - 1))
    }
  })

  test('a value that is written in another memory is copied again', () => {
    const trace = new Trace('partial')
    const x = trace.bind('input', 'x', tensorType('f32', 2, 64))
    // Slabs of one weight in several memories: each writes some columns of the product.
    const wide = linear(x, trace.bind('parameter', 'wide', tensorType('q8g32', 4096, 64)), 'f32')
    trace.output('y', linear(scale(wide, 2), trace.bind('parameter', 'narrow', tensorType('q8g32', 64, 4096)), 'f32'))
    trace.output('wide', add(wide, wide))
    const program = trace.finish()
    const layout = spread([program], 4, 16_384)
    const whole = present(planLayout([program], { ...options, maxSlabBytes: 16_384 }).programs[0], 'program').program
    expect(faults(whole, present(layout.programs[0], 'program'))).toEqual([])
    // The product goes from memory to memory with its weight, and on with the next.
    const products = copiesOf(present(layout.programs[0], 'program')).filter(({ bytes }) => bytes === 2 * 4096 * 4)
    expect(products.length).toBeGreaterThanOrEqual(2)
  })

  test('a step over nothing that is stored runs where most of what it reads lies', () => {
    const trace = new Trace('sizes')
    const weights = ['first', 'second'].map((name) => trace.bind('parameter', name, tensorType('f32', 300, 300)))
    const [large, small] = weights.map((weight) => scale(weight, 2)) as [Tensor, Tensor]
    trace.output('y', add(large, add(small, small)))
    const program = trace.finish()
    const layout = spread([program], 2)
    expect(layout.memories).toHaveLength(2)
    const { program: steps, stepMemories, barriers } = present(layout.programs[0], 'program')
    expect(steps.steps.map(({ kernel }, index) => `${kernel} ${stepMemories[index]}`)).toEqual([
      'scale 0',
      'scale 1',
      'add 1',
      `${copyBetweenMemories} 1`,
      'add 1',
    ])
    // The first two write to the same addresses, but of two memories; the sum needs the copy.
    expect([barriers[0], barriers[3]]).toEqual([false, true])
  })

  test('a plan is the same each time', () => {
    expect(spread(trainingPrograms(), 3)).toEqual(spread(trainingPrograms(), 3))
  })
})
