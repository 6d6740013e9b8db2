import { PocketPhiError, present } from '../../base/errors.ts'
import { align, alignment, planScratch, planSegments, planStore, tensorBytes } from '../../program/plan.ts'
import type { MemoryPlan, StorePlan } from '../../program/plan.ts'
import type { Program } from '../../program/program.ts'
import { planBarriers, type Span, type StepSpans } from './barriers.ts'
import { lowerProgram } from './lowering/index.ts'
import { rewrites, type Rewrite } from './rewrites.ts'
import { isPlace, threadZeroKernels, workspaceStride, type Step, type StepProgram, type Word } from './steps.ts'

const pageBytes = 65536
/** The first page holds the constants of the kernel module. */
const constantsEnd = pageBytes
/** A 32-bit memory has 65,536 pages; the last stays empty, because loops compare a pointer with the end of a tensor. */
const maximumPages = 65535
/** Follows every operand, since kernels may read past its end by a vector: as in planStore. */
const guardBytes = alignment
/** Argument blocks start at multiples of it. */
const argumentAlignment = 16
/** Multiply-adds that one thread does in about 50 ms. */
const segmentCost = 1e9

export interface LayoutOptions {
  /** Threads that will walk the steps; each has a workspace. */
  readonly threads: number
  /** The largest piece that a tensor of the store is cut into. */
  readonly maxSlabBytes: number
  readonly wide: boolean
  /** Cost of a segment, by default what the threads do in about 50 ms. */
  readonly longestSegment?: number
  readonly rewrites?: readonly Rewrite[]
}

/** A program with addresses: ready to be walked. */
export interface ProgramLayout {
  readonly program: StepProgram
  /** Address of every buffer; 0 for scratch that no step uses. */
  readonly addresses: readonly number[]
  /** Address of every step's argument block. */
  readonly blocks: readonly number[]
  /** Whether threads wait for each other after the step. */
  readonly barriers: readonly boolean[]
  readonly segments: readonly { readonly from: number; readonly to: number }[]
}

/**
 * One map of a 32-bit memory: constants of the kernels, argument blocks of all programs, inputs, slabs of the store,
 * scratch, workspaces of the threads. Inputs and scratch are shared by all programs, because one runs at a time.
 */
export interface Layout {
  readonly store: StorePlan
  /** Address of the first slab. */
  readonly storeStart: number
  readonly programs: readonly ProgramLayout[]
  /** Bytes of workspace of a thread. */
  readonly workspaceStride: number
  readonly pages: number
  readonly memory: MemoryPlan
}

interface Scratch {
  /** Offsets of the buffers that steps use. */
  readonly offsets: ReadonlyMap<number, number>
  readonly bytes: number
}

/** Overlays the scratch buffers of a program: each is alive from its first to its last step. */
function placeScratch(program: StepProgram): Scratch {
  const lives = new Map<number, { bytes: number; first: number; last: number }>()
  const touch = (buffer: number, step: number): void => {
    const { source, bytes } = present(program.buffers[buffer], 'buffer')
    const life = lives.get(buffer)
    if (life !== undefined) life.last = step
    else if (source.kind === 'scratch') lives.set(buffer, { bytes, first: step, last: step })
  }
  program.steps.forEach((step, index) => [...step.reads, ...step.writes].forEach((buffer) => touch(buffer, index)))
  program.outputs.forEach(({ pieces }) => pieces.forEach(({ buffer }) => touch(buffer, program.steps.length)))
  const { offsets, bytes } = planScratch([...lives.values()])
  return {
    offsets: new Map([...lives.keys()].map((buffer, index) => [buffer, present(offsets[index], 'offset')])),
    bytes,
  }
}

function argumentBytes(step: Step): number {
  return Math.ceil((step.words.length * 4) / argumentAlignment) * argumentAlignment
}

/** Bytes of the inputs of a program, each followed by a guard, since kernels may read past the end of an operand. */
function inputBytes(program: StepProgram): number {
  return program.inputs.reduce((sum, { type }) => sum + align(tensorBytes(type) + guardBytes), 0)
}

function most(numbers: readonly number[]): number {
  return numbers.reduce((greatest, number) => Math.max(greatest, number), 0)
}

/**
 * Lowers programs and gives everything an address; allocates nothing.
 *
 * @throws PocketPhiError `not-supported` for an operation without a rule, `out-of-memory` beyond 4 GiB.
 */
export function planLayout(programs: readonly Program[], options: LayoutOptions): Layout {
  checkNames(programs)
  const store = planStore(programs, options.maxSlabBytes)
  // Before lowering, which may refuse what is cut into slabs: that there is too much of it is what is to be said.
  checkSize(memoryPlan(store, Math.ceil((constantsEnd + store.bytes) / pageBytes)))
  const longestStep = options.longestSegment ?? segmentCost * options.threads
  const lowered = programs.map((program) =>
    (options.rewrites ?? rewrites).reduce(
      (steps, rewrite) => rewrite(steps, { longestStep }),
      lowerProgram(program, store, { wide: options.wide }),
    ),
  )
  const scratch = lowered.map(placeScratch)
  const regions = placeRegions(lowered, store, scratch, options.threads)
  const memory = memoryPlan(store, regions.pages)
  checkSize(memory)
  let block = constantsEnd
  const laidOut = lowered.map((program, index): ProgramLayout => {
    const addresses = addressesOf(program, store, present(scratch[index], 'scratch'), regions)
    const blocks = program.steps.map((step) => {
      const address = block
      block += argumentBytes(step)
      return address
    })
    const barriers = planBarriers(program.steps.map((step) => spansOf(step, program, addresses)))
    const costs = program.steps.map((step) => step.cost)
    return { program, addresses, blocks, barriers, segments: planSegments(costs, longestStep) }
  })
  const { workspaceStride: stride, storeStart, pages } = regions
  return { store, storeStart, programs: laidOut, workspaceStride: stride, pages, memory }
}

function checkNames(programs: readonly Program[]): void {
  const names = programs.map((program) => program.name)
  if (new Set(names).size === names.length) return
  throw new PocketPhiError('invalid-argument', 'Programs on one device need different names.', {
    found: names.join(', '),
  })
}

/** Where the parts of the memory begin. */
interface Regions {
  readonly inputsStart: number
  readonly storeStart: number
  readonly scratchStart: number
  readonly workspaceStart: number
  readonly workspaceStride: number
  readonly pages: number
}

function placeRegions(
  programs: readonly StepProgram[],
  store: StorePlan,
  scratch: readonly Scratch[],
  threads: number,
): Regions {
  const steps = programs.flatMap((program) => program.steps)
  const inputsStart = align(constantsEnd + steps.reduce((sum, step) => sum + argumentBytes(step), 0))
  const storeStart = align(inputsStart + most(programs.map(inputBytes)))
  const scratchStart = align(storeStart + store.bytes)
  const workspaceStart = align(scratchStart + most(scratch.map(({ bytes }) => bytes)) + guardBytes)
  const stride = align(most(steps.map((step) => step.workspace)))
  const pages = Math.ceil((workspaceStart + stride * threads + guardBytes) / pageBytes)
  return { inputsStart, storeStart, scratchStart, workspaceStart, workspaceStride: stride, pages }
}

function addressesOf(program: StepProgram, store: StorePlan, { offsets }: Scratch, regions: Regions): number[] {
  const { inputsStart, storeStart, scratchStart, workspaceStart } = regions
  let input = inputsStart
  return program.buffers.map(({ source, bytes }, buffer) => {
    switch (source.kind) {
      case 'workspace':
        return workspaceStart
      case 'scratch':
        return offsets.has(buffer) ? scratchStart + present(offsets.get(buffer), 'offset') : 0
      case 'store':
        return storeStart + present(store.tensors.get(source.name)?.slabs[source.slab], 'slab').offset
      case 'input': {
        const address = input
        input += align(bytes + guardBytes)
        return address
      }
    }
  })
}

function spansOf(step: Step, program: StepProgram, addresses: readonly number[]): StepSpans {
  const span = (buffer: number): Span => {
    const start = present(addresses[buffer], 'address')
    return { start, end: start + present(program.buffers[buffer], 'buffer').bytes }
  }
  const threadZero = threadZeroKernels.has(step.kernel)
  return { reads: step.reads.map(span), writes: step.writes.map(span), threadZero }
}

/** The parts of the memory that will be made; everything that is not in the store counts as scratch. */
function memoryPlan(store: StorePlan, pages: number): MemoryPlan {
  const bytes = (origin: string): number => {
    const tensors = [...store.tensors.values()].filter((tensor) => tensor.origin === origin)
    return tensors.flatMap(({ slabs }) => slabs).reduce((sum, slab) => sum + align(slab.bytes + guardBytes), 0)
  }
  const [parameters, states, total] = [bytes('parameter'), bytes('state'), pages * pageBytes]
  return { parameters, states, scratch: total - parameters - states, total }
}

function checkSize(memory: MemoryPlan): void {
  if (memory.total <= maximumPages * pageBytes) return
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`
  throw new PocketPhiError('out-of-memory', 'The programs do not fit into one WebAssembly memory.', {
    expected: `at most ${gigabytes(maximumPages * pageBytes)}`,
    found: `${gigabytes(memory.total)}: parameters ${gigabytes(memory.parameters)}, states ${gigabytes(memory.states)}, scratch ${gigabytes(memory.scratch)}`,
    remedy: 'Use fewer weight bits, a shorter context, smaller batches or fewer programs.',
  })
}

/** Stores the argument blocks of all steps. */
export function writeArguments(layout: Layout, buffer: ArrayBufferLike): void {
  const view = new DataView(buffer)
  for (const { program, addresses, blocks } of layout.programs) {
    const store = (at: number, word: Word): void => {
      if (word === workspaceStride) view.setUint32(at, layout.workspaceStride, true)
      else if (typeof word === 'number') view.setInt32(at, word, true)
      else if (isPlace(word)) view.setUint32(at, present(addresses[word.buffer], 'address') + word.offset, true)
      else view.setFloat32(at, word.float, true)
    }
    program.steps.forEach((step, index) => {
      const block = present(blocks[index], 'argument block')
      step.words.forEach((word, position) => store(block + 4 * position, word))
    })
  }
}
