import { present } from '../../base/errors.ts'
import type { BufferId } from '../operands.ts'
import { outputsIn } from '../outputs.ts'
import { elementCost } from './lowering/context.ts'
import type { StorePlacement } from './placement.ts'
import { copyBetweenMemories, isPlace, workspaceBuffer, type Step, type StepBuffer } from './steps.ts'
import type { StepProgram, Word } from './steps.ts'

/** Steps that each run wholly within one memory, and the copies between memories that it takes. */
export interface DistributedProgram {
  readonly program: StepProgram
  /** The memory of every buffer. */
  readonly bufferMemories: readonly number[]
  /** The memory of every step; of a copy, the one that it writes. */
  readonly stepMemories: readonly number[]
}

/**
 * Gives every step a memory. A step over parameters or states runs where they lie, and those never move; any other runs
 * where most of what it reads is already, else where the step before it ran. A value is copied into a memory when a step
 * there first reads it, and again when it has been written elsewhere since. So of a transformer whose layers lie in
 * several memories the hidden state crosses from one to the next, and the rotary table once into each; the caller writes
 * inputs into every memory that reads them.
 */
export function distribute(program: StepProgram, { places, bytes }: StorePlacement): DistributedProgram {
  // Nothing can be elsewhere.
  if (bytes.length === 1) {
    return { program, bufferMemories: program.buffers.map(() => 0), stepMemories: program.steps.map(() => 0) }
  }
  const copies = new Copies(program, (name, slab) => present(places.get(name)?.[slab], 'place').memory)
  const steps: Step[] = []
  const stepMemories: number[] = []
  let memory = 0
  for (const step of program.steps) {
    memory = copies.memoryFor(step, memory)
    const fetched = [...new Set([...step.reads, ...step.writes])].flatMap((buffer) =>
      copies.fetch(buffer, memory, step.scope),
    )
    steps.push(...fetched, copies.within(step, memory))
    for (let count = 0; count <= fetched.length; count++) stepMemories.push(memory)
    for (const buffer of step.writes) copies.overwritten(buffer, memory)
  }
  return {
    program: {
      ...program,
      steps,
      buffers: copies.buffers,
      inputs: program.inputs.flatMap((input) => copies.all(input.buffer).map((buffer) => ({ ...input, buffer }))),
      outputs: outputsIn(program.outputs, (buffer) => copies.latest(buffer)),
    },
    bufferMemories: copies.memories,
    stepMemories,
  }
}

/** What a buffer of the program is in the memories: a buffer of its own in each, of which some hold the present value. */
class Copies {
  /** The first copy of a buffer keeps its number. */
  readonly buffers: StepBuffer[]
  /** Of every buffer. */
  readonly memories: number[]
  readonly #copies = new Map<BufferId, Map<number, BufferId>>()
  /** Memories that hold the present value, the one that wrote it first; none for inputs, which are everywhere. */
  readonly #valid = new Map<BufferId, Set<number>>()

  constructor(program: StepProgram, memoryOf: (name: string, slab: number) => number) {
    this.buffers = [...program.buffers]
    this.memories = program.buffers.map(() => 0)
    program.buffers.forEach(({ source }, buffer) => {
      if (source.kind === 'store') this.#place(buffer, memoryOf(source.name, source.slab))
    })
  }

  /** The number of a buffer in a memory. */
  in(buffer: BufferId, memory: number): BufferId {
    const known = this.#copies.get(buffer)
    const copy = known?.get(memory)
    if (copy !== undefined) return copy
    if (known === undefined) return this.#place(buffer, memory)
    this.buffers.push(present(this.buffers[buffer], 'buffer'))
    this.memories.push(memory)
    known.set(memory, this.buffers.length - 1)
    return this.buffers.length - 1
  }

  /** All copies of a buffer; at least one. */
  all(buffer: BufferId): BufferId[] {
    return [...(this.#copies.get(buffer)?.values() ?? [this.in(buffer, 0)])]
  }

  /** A copy that holds the present value. */
  latest(buffer: BufferId): BufferId {
    const [memory] = this.#valid.get(buffer) ?? []
    return memory === undefined ? present(this.all(buffer)[0], 'copy') : this.in(buffer, memory)
  }

  memoryFor(step: Step, previous: number): number {
    const used = [...new Set([...step.reads, ...step.writes])]
    const stored = used.find((buffer) => this.buffers[buffer]?.source.kind === 'store')
    if (stored !== undefined) return present(this.memories[stored], 'memory')
    const missing = (memory: number): number =>
      used.reduce((sum, buffer) => sum + (this.#has(buffer, memory) ? 0 : this.#bytes(buffer)), 0)
    const others = new Set(used.flatMap((buffer) => [...(this.#valid.get(buffer) ?? [])]))
    let best = previous
    for (const memory of others) if (missing(memory) < missing(best)) best = memory
    return best
  }

  /** The copy that a step in this memory needs before it reads a buffer or writes part of it, if any. */
  fetch(buffer: BufferId, memory: number, scope: string): Step[] {
    if (this.#has(buffer, memory)) return []
    const [from, to, bytes] = [this.latest(buffer), this.in(buffer, memory), this.#bytes(buffer)]
    this.#valid.get(buffer)?.add(memory)
    const words = [{ buffer: from, offset: 0 }, { buffer: to, offset: 0 }, bytes]
    const cost = Math.max(1, (bytes / 4) * elementCost)
    return [{ kernel: copyBetweenMemories, words, reads: [from], writes: [to], cost, workspace: 0, scope }]
  }

  /** The step with the buffers of this memory. */
  within(step: Step, memory: number): Step {
    const inMemory = (buffer: BufferId): BufferId => this.in(buffer, memory)
    return {
      ...step,
      words: step.words.map((word): Word => (isPlace(word) ? { ...word, buffer: inMemory(word.buffer) } : word)),
      reads: step.reads.map(inMemory),
      writes: step.writes.map(inMemory),
    }
  }

  /** A step in this memory has written a buffer. */
  overwritten(buffer: BufferId, memory: number): void {
    if (this.buffers[buffer]?.source.kind !== 'store') this.#valid.set(buffer, new Set([memory]))
  }

  /** Whether nothing need be copied; so it is for what has no value yet. */
  #has(buffer: BufferId, memory: number): boolean {
    return buffer === workspaceBuffer || (this.#valid.get(buffer)?.has(memory) ?? true)
  }

  #bytes(buffer: BufferId): number {
    return present(this.buffers[buffer], 'buffer').bytes
  }

  #place(buffer: BufferId, memory: number): BufferId {
    this.#copies.set(buffer, new Map([[memory, buffer]]))
    this.memories[buffer] = memory
    return buffer
  }
}
