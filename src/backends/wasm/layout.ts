import { PocketPhiError, present } from '../../base/errors.ts'
import { mixturesOf } from '../../program/mixtures.ts'
import { align, planScratch, planStore, tensorBytes } from '../../program/plan.ts'
import type { MemoryPlan, StorePlan } from '../../program/plan.ts'
import type { Program } from '../../program/program.ts'
import { planBarriers, type Span, type StepSpans } from './barriers.ts'
import { distribute, type DistributedProgram } from './distribution.ts'
import { poolExperts, type ExpertPool, type PooledStore } from './expert-pools.ts'
import { lowerProgram } from './lowering/index.ts'
import { guardedBytes, placeStore, type StorePlacement } from './placement.ts'
import { rewrites, type Rewrite } from './rewrites.ts'
import { locate } from './location.ts'
import { cutSegments, type Segment } from './segments.ts'
import { isPlace, threadZeroKernels, workspaceStride, type Step, type StepProgram, type Word } from './steps.ts'

const pageBytes = 65536
/** The first page holds the constants of the kernel module. */
const constantsEnd = pageBytes
/** A 32-bit memory has 65,536 pages; the last stays empty, because loops compare a pointer with the end of a tensor. */
export const maximumMemoryBytes = 65535 * pageBytes
/** Argument blocks start at multiples of it. */
const argumentAlignment = 16
/** Multiply-adds that one thread does in about 50 ms. */
const segmentCost = 1e9

export interface LayoutOptions {
  /** Threads that will walk the steps; each has a workspace in every memory. */
  readonly threads: number
  /** The largest piece that a tensor of the store is cut into. */
  readonly maxSlabBytes: number
  /** Wide tiles, and sums of pairs in 16 bits: see WasmOptions. */
  readonly wide: boolean
  readonly paired?: boolean
  /** The largest memory, by default nearly 4 GiB; what needs more is spread over several. */
  readonly maxMemoryBytes?: number
  /** Cost of a segment, by default what the threads do in about 50 ms. */
  readonly longestSegment?: number
  readonly rewrites?: readonly Rewrite[]
  /** Bytes for matrices of experts, which then lie in pools; all are held when left out. */
  readonly expertCacheBytes?: number | undefined
}

/** A program with addresses: ready to be walked. */
export interface ProgramLayout extends DistributedProgram {
  /** Address of every buffer in its memory; 0 for scratch that no step uses. */
  readonly addresses: readonly number[]
  /** Address of every step's argument block in its memory. */
  readonly blocks: readonly number[]
  /** Whether threads wait for each other after the step. */
  readonly barriers: readonly boolean[]
  readonly segments: readonly Segment[]
}

/** One of the memories. */
export interface MemoryLayout {
  /** Address from which the store's places count. */
  readonly storeStart: number
  readonly pages: number
}

/**
 * The map of one or more 32-bit memories. Each holds constants of the kernels, argument blocks of the steps that run in it,
 * inputs that they read, its part of the store, scratch, workspaces of the threads. Inputs and scratch are shared by all
 * programs, because one runs at a time.
 */
export interface Layout {
  /** What the programs bind. */
  readonly bound: StorePlan
  /** What is in memory: the same, but for experts in pools. */
  readonly store: PooledStore
  readonly placement: StorePlacement
  readonly memories: readonly MemoryLayout[]
  readonly programs: readonly ProgramLayout[]
  /** Bytes of workspace of a thread. */
  readonly workspaceStride: number
  /** The greatest cost of a segment. */
  readonly longestStep: number
  /** Pages of all memories together. */
  readonly pages: number
  readonly memory: MemoryPlan
}

interface Scratch {
  /** Offsets of the buffers that steps use. */
  readonly offsets: ReadonlyMap<number, number>
  /** By memory. */
  readonly bytes: readonly number[]
}

interface Life {
  readonly buffer: number
  readonly bytes: number
  readonly first: number
  last: number
}

/** Overlays the scratch buffers of a program in each memory: each is alive from its first to its last step. */
function placeScratch({ program, bufferMemories }: DistributedProgram, memories: number): Scratch {
  const lives = new Map<number, Life>()
  const touch = (buffer: number, step: number): void => {
    const { source, bytes } = present(program.buffers[buffer], 'buffer')
    const life = lives.get(buffer)
    if (life !== undefined) life.last = step
    else if (source.kind === 'scratch') lives.set(buffer, { buffer, bytes, first: step, last: step })
  }
  program.steps.forEach((step, index) => [...step.reads, ...step.writes].forEach((buffer) => touch(buffer, index)))
  program.outputs.forEach(({ pieces }) => pieces.forEach(({ buffer }) => touch(buffer, program.steps.length)))
  const allOffsets = new Map<number, number>()
  const allBytes = Array.from({ length: memories }, (_, memory) => {
    const here = [...lives.values()].filter(({ buffer }) => bufferMemories[buffer] === memory)
    const { offsets, bytes } = planScratch(here)
    here.forEach(({ buffer }, index) => allOffsets.set(buffer, present(offsets[index], 'offset')))
    return bytes
  })
  return { offsets: allOffsets, bytes: allBytes }
}

function argumentBytes(step: Step): number {
  return Math.ceil((step.words.length * 4) / argumentAlignment) * argumentAlignment
}

/** Bytes of the inputs of a program in a memory. */
function inputBytes({ program, bufferMemories }: DistributedProgram, memory: number): number {
  return program.inputs.reduce(
    (sum, { type, buffer }) => sum + (bufferMemories[buffer] === memory ? guardedBytes(tensorBytes(type)) : 0),
    0,
  )
}

function most(numbers: readonly number[]): number {
  return numbers.reduce((greatest, number) => Math.max(greatest, number), 0)
}

/**
 * Lowers programs and gives everything a memory and an address; allocates nothing. As few memories as the store takes
 * beside what the steps need in each, which depends on what lies where: the room for the store shrinks until all fits.
 *
 * @throws PocketPhiError `not-supported` for an operation without a rule, `out-of-memory` when what is used together does
 * not fit into one memory.
 */
export function planLayout(programs: readonly Program[], options: LayoutOptions): Layout {
  const capacity = Math.floor((options.maxMemoryBytes ?? maximumMemoryBytes) / pageBytes) * pageBytes
  let room = capacity
  let lowered: Lowered | undefined
  for (;;) {
    const slabBytes = Math.min(options.maxSlabBytes, room - guardedBytes(0))
    if (lowered?.slabBytes !== slabBytes) lowered = lower(programs, slabBytes, options)
    const layout = layOut(lowered, options, room)
    const sizes = layout.memories.map(({ pages }) => pages * pageBytes)
    if (most(sizes) <= capacity) return layout
    const besideStore = most(sizes.map((size, index) => size - present(layout.placement.bytes[index], 'memory')))
    room = Math.min(room - pageBytes, capacity - besideStore)
    if (room <= 0) throw tooMuchScratch(layout.memory, capacity)
  }
}

/** Programs as steps, over slabs of at most so many bytes. */
interface Lowered {
  readonly slabBytes: number
  readonly longestStep: number
  readonly bound: StorePlan
  readonly store: PooledStore
  readonly programs: readonly StepProgram[]
}

function lower(programs: readonly Program[], slabBytes: number, options: LayoutOptions): Lowered {
  const longestStep = options.longestSegment ?? segmentCost * options.threads
  const bound = planStore(programs, slabBytes)
  const store = storeOf(programs, bound, slabBytes, options.expertCacheBytes)
  const lowered = programs.map((program) =>
    (options.rewrites ?? rewrites).reduce(
      (steps, rewrite) => rewrite(steps, { longestStep }),
      lowerProgram(program, store, { wide: options.wide, paired: options.paired ?? false }),
    ),
  )
  return { slabBytes, longestStep, bound, store, programs: lowered }
}

function storeOf(
  programs: readonly Program[],
  bound: StorePlan,
  slabBytes: number,
  expertCacheBytes: number | undefined,
): PooledStore {
  const mixtures = expertCacheBytes === undefined ? [] : mixturesOf(programs)
  return poolExperts(bound, mixtures, expertCacheBytes ?? 0, slabBytes)
}

/** The layout with at most `room` bytes of the store in a memory, however large the memories become. */
function layOut({ programs, bound, store, longestStep }: Lowered, { threads }: LayoutOptions, room: number): Layout {
  const placement = placeStore(programs, store, room)
  const distributed = programs.map((program) => distribute(program, placement))
  const scratch = distributed.map((program) => placeScratch(program, placement.bytes.length))
  const stride = align(most(programs.flatMap(({ steps }) => steps.map((step) => step.workspace))))
  const regions = placement.bytes.map((storeBytes, memory) =>
    placeRegions(distributed, memory, {
      store: storeBytes,
      scratch: most(scratch.map(({ bytes }) => bytes[memory] ?? 0)),
      workspace: stride * threads,
    }),
  )
  const blocksEnd = regions.map(() => constantsEnd)
  const laidOut = distributed.map((program, index): ProgramLayout => {
    const addresses = addressesOf(program, placement, present(scratch[index], 'scratch'), regions)
    const blocks = program.program.steps.map((step, number) => {
      const memory = present(program.stepMemories[number], 'memory')
      const address = present(blocksEnd[memory], 'memory')
      blocksEnd[memory] = address + argumentBytes(step)
      return address
    })
    const barriers = planBarriers(program.program.steps.map((step) => spansOf(step, program, addresses)))
    const segments = cutSegments(program.program.steps, longestStep, store.pools, {
      locate: (buffer) => locate({ ...program, addresses }, buffer),
      block: (step) => ({
        memory: present(program.stepMemories[step], 'memory'),
        address: present(blocks[step], 'argument block'),
      }),
    })
    return { ...program, addresses, blocks, barriers, segments }
  })
  const memories = regions.map(({ storeStart, pages }) => ({ storeStart, pages }))
  const memory = memoryPlan(
    store,
    memories.map(({ pages }) => pages * pageBytes),
  )
  const pages = memory.total / pageBytes
  return { bound, store, placement, memories, programs: laidOut, workspaceStride: stride, longestStep, pages, memory }
}

/** Where the parts of a memory begin. */
interface Regions extends MemoryLayout {
  readonly inputsStart: number
  readonly scratchStart: number
  readonly workspaceStart: number
}

function placeRegions(
  programs: readonly DistributedProgram[],
  memory: number,
  bytes: { readonly store: number; readonly scratch: number; readonly workspace: number },
): Regions {
  const steps = programs.flatMap(({ program, stepMemories }) =>
    program.steps.filter((_, index) => stepMemories[index] === memory),
  )
  const inputsStart = align(constantsEnd + steps.reduce((sum, step) => sum + argumentBytes(step), 0))
  const storeStart = align(inputsStart + most(programs.map((program) => inputBytes(program, memory))))
  const scratchStart = align(storeStart + bytes.store)
  const workspaceStart = scratchStart + guardedBytes(bytes.scratch)
  const pages = Math.ceil((workspaceStart + guardedBytes(bytes.workspace)) / pageBytes)
  return { inputsStart, storeStart, scratchStart, workspaceStart, pages }
}

function addressesOf(
  { program, bufferMemories }: DistributedProgram,
  { places }: StorePlacement,
  { offsets }: Scratch,
  regions: readonly Regions[],
): number[] {
  const nextInput = regions.map(({ inputsStart }) => inputsStart)
  return program.buffers.map(({ source, bytes }, buffer) => {
    const memory = present(bufferMemories[buffer], 'memory')
    const { storeStart, scratchStart, workspaceStart } = present(regions[memory], 'memory')
    switch (source.kind) {
      case 'workspace':
        return workspaceStart
      case 'scratch':
        return offsets.has(buffer) ? scratchStart + present(offsets.get(buffer), 'offset') : 0
      case 'store':
        return storeStart + present(places.get(source.name)?.[source.slab], 'slab').offset
      case 'input': {
        const address = present(nextInput[memory], 'memory')
        nextInput[memory] = address + guardedBytes(bytes)
        return address
      }
    }
  })
}

/** Further apart than any two addresses of a memory. */
const memoryDistance = 2 ** 32

/** Addresses of different memories are told apart by adding what no memory can hold. */
function spansOf(step: Step, { program, bufferMemories }: DistributedProgram, addresses: readonly number[]): StepSpans {
  const span = (buffer: number): Span => {
    const memory = present(bufferMemories[buffer], 'memory')
    const start = memory * memoryDistance + present(addresses[buffer], 'address')
    return { start, end: start + present(program.buffers[buffer], 'buffer').bytes }
  }
  const threadZero = threadZeroKernels.has(step.kernel)
  return { reads: step.reads.map(span), writes: step.writes.map(span), threadZero }
}

/** The parts of the memories that will be made; everything that is not in the store counts as scratch. */
function memoryPlan(store: PooledStore, memories: readonly number[]): MemoryPlan {
  const bytes = (origin: string): number => {
    const tensors = [...store.tensors.values()].filter((tensor) => tensor.origin === origin)
    return tensors.flatMap(({ slabs }) => slabs).reduce((sum, slab) => sum + guardedBytes(slab.bytes), 0)
  }
  const [parameters, states] = [bytes('parameter'), bytes('state')]
  const total = memories.reduce((sum, size) => sum + size, 0)
  const plan = { parameters, states, scratch: total - parameters - states, total, memories }
  return store.pools.length === 0 ? plan : { ...plan, experts: expertBytes(store.pools) }
}

function expertBytes(pools: readonly ExpertPool[]): { total: number; held: number } {
  const total = pools.flatMap(({ matrices }) => [...matrices.values()]).reduce((sum, bytes) => sum + bytes, 0)
  return { total, held: pools.reduce((sum, { slots, slotBytes }) => sum + slots * slotBytes, 0) }
}

function tooMuchScratch({ parameters, states, scratch, memories }: MemoryPlan, capacity: number): PocketPhiError {
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`
  return new PocketPhiError('out-of-memory', 'What the steps of the programs need does not fit into one memory.', {
    expected: `at most ${gigabytes(capacity)}, with room for parameters and states`,
    found: `scratch ${gigabytes(scratch)} (memories: ${memories.length}), parameters ${gigabytes(parameters)}, states ${gigabytes(states)}`,
    remedy: 'Use smaller batches or fewer programs.',
  })
}

/** Stores the argument blocks of all steps; the buffers are those of the memories, in order. */
export function writeArguments(layout: Layout, ...buffers: readonly ArrayBufferLike[]): void {
  const views = buffers.map((buffer) => new DataView(buffer))
  for (const { program, stepMemories, addresses, blocks } of layout.programs) {
    const store = (view: DataView, at: number, word: Word): void => {
      if (word === workspaceStride) view.setUint32(at, layout.workspaceStride, true)
      else if (typeof word === 'number') view.setInt32(at, word, true)
      else if (isPlace(word)) view.setUint32(at, present(addresses[word.buffer], 'address') + word.offset, true)
      else view.setFloat32(at, word.float, true)
    }
    program.steps.forEach((step, index) => {
      const view = present(views[present(stepMemories[index], 'memory')], 'memory')
      const block = present(blocks[index], 'argument block')
      step.words.forEach((word, position) => store(view, block + 4 * position, word))
    })
  }
}
