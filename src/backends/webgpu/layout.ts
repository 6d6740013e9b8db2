/** Where everything lies on the GPU, planned before anything is made. */
import { PocketPhiError, present } from '../../base/errors.ts'
import { planSegments, planStore, tensorBytes, type MemoryPlan, type StorePlan } from '../../program/plan.ts'
import type { Program } from '../../program/program.ts'
import type { BufferId } from '../operands.ts'
import { lowerProgram } from './lowering/index.ts'
import type { Arithmetic, StepProgram } from './steps.ts'

/** Where a binding may start, on every device. */
const bindingAlignment = 256

/** What the arguments of a step take: its numbers, aligned as a binding. */
export const argumentBytes = bindingAlignment

/** Sizes of buffers are multiples of this. */
const wordBytes = 4

/**
 * What one submission should cost, in multiply-adds: some 50 ms on a small GPU, so that aborts are noticed and no driver takes
 * it for a hang.
 */
const longestSegment = 2e10

export interface LayoutOptions {
  /** The largest buffer that a kernel may see. */
  readonly bindingBytes: number
  /** The largest piece that a tensor of the store is cut into. */
  readonly maxSlabBytes: number
  /** What kernels multiply in; f32 when left out. */
  readonly arithmetic?: Arithmetic
}

export interface ProgramLayout {
  readonly program: StepProgram
  /** For each buffer of scratch the number of the GPU buffer that it shares with others. */
  readonly scratch: ReadonlyMap<BufferId, number>
  /** For each uploaded buffer its offset among those. */
  readonly uploads: ReadonlyMap<BufferId, number>
  readonly uploadBytes: number
  readonly outputBytes: number
  readonly segments: readonly { readonly from: number; readonly to: number }[]
}

export interface Layout {
  readonly programs: readonly ProgramLayout[]
  readonly store: StorePlan
  /** Bytes of the GPU buffers that the scratch of all programs shares. */
  readonly scratchBytes: readonly number[]
  readonly uploadBytes: number
  readonly outputBytes: number
  readonly memory: MemoryPlan
}

/** Bytes of a GPU buffer that holds so many. */
export function wholeWords(bytes: number): number {
  return Math.max(wordBytes, Math.ceil(bytes / wordBytes) * wordBytes)
}

function alignBinding(bytes: number): number {
  return Math.ceil(bytes / bindingAlignment) * bindingAlignment
}

/** First and last step that use each buffer; outputs are used until the end. */
function lifetimesOf({ steps, outputs }: StepProgram): Map<BufferId, { first: number; last: number }> {
  const lifetimes = new Map<BufferId, { first: number; last: number }>()
  const use = (buffer: BufferId, step: number): void => {
    const known = lifetimes.get(buffer)
    if (known === undefined) lifetimes.set(buffer, { first: step, last: step })
    else known.last = step
  }
  steps.forEach(({ buffers }, step) => buffers.forEach((buffer) => use(buffer, step)))
  for (const { pieces } of outputs) for (const { buffer } of pieces) use(buffer, steps.length)
  return lifetimes
}

/**
 * Lets buffers that are never alive together share one: the largest first, each into the first that is free for it (Pisarchyk and
 * Lee, 2020, "greedy by size for shared objects"). One GPU buffer for all would be smaller, but a dispatch cannot bind parts of
 * a buffer for reading and for writing.
 */
function shareScratch(program: StepProgram): { places: Map<BufferId, number>; bytes: number[] } {
  const lifetimes = lifetimesOf(program)
  const used = program.buffers
    .map(({ bytes, source }, buffer) => ({ buffer, bytes, source, lifetime: lifetimes.get(buffer) }))
    .filter(({ source }) => source.kind === 'scratch')
    .toSorted((left, right) => right.bytes - left.bytes || left.buffer - right.buffer)
  const shared: { bytes: number; taken: { first: number; last: number }[] }[] = []
  const places = new Map<BufferId, number>()
  for (const { buffer, bytes, lifetime } of used) {
    if (lifetime === undefined) continue
    const { first, last } = lifetime
    let place = shared.findIndex(({ taken }) => taken.every((other) => other.last < first || last < other.first))
    if (place < 0) place = shared.push({ bytes: wholeWords(bytes), taken: [] }) - 1
    present(shared[place], 'shared buffer').taken.push(lifetime)
    places.set(buffer, place)
  }
  return { places, bytes: shared.map(({ bytes }) => bytes) }
}

/** Buffers that no step has, since others take their place, are bound to nothing. */
function checkBindings({ name, buffers, steps }: StepProgram, bindingBytes: number): void {
  for (const id of new Set(steps.flatMap((step) => step.buffers))) {
    const { bytes } = present(buffers[id], 'buffer')
    if (bytes <= bindingBytes) continue
    throw new PocketPhiError('out-of-memory', `A tensor of the program "${name}" is too large for this GPU.`, {
      expected: `at most ${bindingBytes} bytes, which a kernel can see at once`,
      found: `${bytes} bytes`,
      remedy: 'Use a shorter context or fewer rows, or the wasm backend.',
    })
  }
}

function planProgram(program: StepProgram): ProgramLayout & { readonly scratchBytes: readonly number[] } {
  const { places, bytes } = shareScratch(program)
  const uploads = new Map<BufferId, number>()
  let uploadBytes = 0
  program.buffers.forEach(({ bytes: size, source }, buffer) => {
    if (source.kind !== 'uploaded') return
    uploads.set(buffer, uploadBytes)
    uploadBytes += alignBinding(Math.max(wordBytes, size))
  })
  const counts = program.outputs.flatMap(({ pieces }) => pieces.map(({ count }) => count))
  return {
    program,
    scratch: places,
    scratchBytes: bytes,
    uploads,
    uploadBytes,
    outputBytes: counts.reduce((sum, count) => sum + count * 4, 0),
    segments: planSegments(
      program.steps.map(({ cost }) => cost),
      longestSegment,
    ),
  }
}

/**
 * Lowers the programs and plans their memory; nothing is made.
 *
 * @throws PocketPhiError `not-supported` for an operation that there is no rule for, `out-of-memory` for a tensor that no kernel
 * can see whole
 */
export function planLayout(programs: readonly Program[], options: LayoutOptions): Layout {
  const { bindingBytes, arithmetic = 'f32' } = options
  const store = planStore(programs, Math.min(bindingBytes, options.maxSlabBytes))
  const planned = programs.map((program) => planProgram(lowerProgram(program, store, arithmetic)))
  for (const { program } of planned) checkBindings(program, bindingBytes)
  const kinds = Math.max(0, ...planned.map(({ scratchBytes }) => scratchBytes.length))
  const scratchBytes = Array.from({ length: kinds }, (_, index) =>
    Math.max(...planned.map((one) => one.scratchBytes[index] ?? 0)),
  )
  const most = (of: (layout: ProgramLayout) => number): number => Math.max(0, ...planned.map(of))
  const uploadBytes = most((layout) => layout.uploadBytes)
  const outputBytes = most((layout) => layout.outputBytes)
  const steps = planned.reduce((sum, { program }) => sum + program.steps.length, 0)
  const stored = (origin: string): number =>
    [...store.tensors.values()]
      .filter((tensor) => tensor.origin === origin)
      .reduce((sum, { type }) => sum + wholeWords(tensorBytes(type)), 0)
  const [parameters, states] = [stored('parameter'), stored('state')]
  const scratch =
    scratchBytes.reduce((sum, bytes) => sum + bytes, 0) + uploadBytes + 2 * outputBytes + steps * argumentBytes
  const total = parameters + states + scratch
  const memory = { parameters, states, scratch, total, memories: [total] }
  return { programs: planned, store, scratchBytes, uploadBytes, outputBytes, memory }
}
