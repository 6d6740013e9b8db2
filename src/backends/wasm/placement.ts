import { PocketPhiError, present } from '../../base/errors.ts'
import { align, alignment, type StorePlan } from '../../program/plan.ts'
import type { Step, StepProgram } from './steps.ts'

/** Bytes of an operand and of the guard that follows it, since kernels may read past its end by a vector. */
export function guardedBytes(bytes: number): number {
  return align(bytes + alignment)
}

/** Where a slab of the store lies: in which memory, and how far from where the store begins there. */
export interface StorePlace {
  readonly memory: number
  readonly offset: number
}

/** Which memory holds which slab. */
export interface StorePlacement {
  /** Of all slabs of every tensor, in their order. */
  readonly places: ReadonlyMap<string, readonly StorePlace[]>
  /** Bytes of the store in each memory. */
  readonly bytes: readonly number[]
}

/** A slab of the store; `number` counts all slabs. */
interface NumberedSlab {
  readonly name: string
  readonly number: number
  readonly bytes: number
}

function numberSlabs({ tensors }: StorePlan): Map<string, NumberedSlab[]> {
  let number = 0
  const numbered = [...tensors.values()].map(({ name, slabs }): [string, NumberedSlab[]] => [
    name,
    slabs.map(({ bytes }) => ({ name, number: number++, bytes: guardedBytes(bytes) })),
  ])
  return new Map(numbered)
}

/** Slabs that must share a memory, because a step uses them together. */
class Groups {
  readonly #parents: number[]

  constructor(count: number) {
    this.#parents = Array.from({ length: count }, (_, number) => number)
  }

  /** The number that stands for the group of a slab. */
  find(number: number): number {
    let root = number
    for (;;) {
      const parent = present(this.#parents[root], 'slab')
      if (parent === root) return root
      root = parent
    }
  }

  join(left: number, right: number): void {
    this.#parents[this.find(right)] = this.find(left)
  }
}

/**
 * Fills one memory after the other with the slabs of the store, in the order in which steps first use them: what
 * consecutive layers need (parameters, cache) lies together, and only what a layer hands on crosses. A memory that was left
 * is not gone back to, however much room it has, since a small tensor there would draw what it meets there and back. Slabs
 * that one step uses are placed as one, so that every step has a memory in which it runs. Depends on its arguments alone.
 *
 * @param room bytes that the store may take in a memory
 * @throws PocketPhiError `out-of-memory` when slabs that one step uses take more
 */
export function placeStore(programs: readonly StepProgram[], store: StorePlan, room: number): StorePlacement {
  const slabs = numberSlabs(store)
  const all = [...slabs.values()].flat()
  const groups = new Groups(all.length)
  const inOrder = new Set<NumberedSlab>()
  for (const program of programs) {
    for (const step of program.steps) {
      const used = slabsOf(step, program, slabs)
      for (const slab of used) {
        inOrder.add(slab)
        groups.join(present(used[0], 'slab').number, slab.number)
      }
    }
  }
  const members = Map.groupBy([...inOrder, ...all.filter((slab) => !inOrder.has(slab))], ({ number }) =>
    groups.find(number),
  )
  const places = new Map([...slabs].map(([name, list]) => [name, new Array<StorePlace>(list.length)]))
  const bytes = [0]
  for (const group of members.values()) {
    const size = group.reduce((sum, slab) => sum + slab.bytes, 0)
    if (size > room) throw tooMuchAtOnce(group, size, room)
    if (present(bytes.at(-1), 'memory') + size > room) bytes.push(0)
    const memory = bytes.length - 1
    for (const slab of group) {
      const offset = present(bytes[memory], 'memory')
      const first = present(slabs.get(slab.name)?.[0], 'slab').number
      present(places.get(slab.name), 'tensor')[slab.number - first] = { memory, offset }
      bytes[memory] = offset + slab.bytes
    }
  }
  return { places, bytes }
}

function slabsOf(
  step: Step,
  program: StepProgram,
  slabs: ReadonlyMap<string, readonly NumberedSlab[]>,
): readonly NumberedSlab[] {
  return [...step.reads, ...step.writes].flatMap((buffer) => {
    const { source } = present(program.buffers[buffer], 'buffer')
    return source.kind === 'store' ? [present(slabs.get(source.name)?.[source.slab], 'slab')] : []
  })
}

function tooMuchAtOnce(group: readonly NumberedSlab[], size: number, room: number): PocketPhiError {
  const names = [...new Set(group.map(({ name }) => name))]
  const more = names.length > 4 ? ` and ${names.length - 4} more` : ''
  return new PocketPhiError('out-of-memory', 'Tensors that are used together do not fit into one WebAssembly memory.', {
    expected: `at most ${Math.max(0, room)} bytes beside what the steps need`,
    found: `${size} bytes of ${names.slice(0, 4).join(', ')}${more}`,
    remedy: 'Use fewer weight bits, a shorter context, fewer sequences, or a smaller maxSlabBytes.',
  })
}
