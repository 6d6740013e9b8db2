/** What a device holds on the GPU until it is disposed of. */
import { present } from '../../base/errors.ts'
import { tensorBytes } from '../../program/plan.ts'
import type { BufferId } from '../operands.ts'
import { argumentsOf, Pipelines, prepare, usage, type Dispatch, type GpuRange } from './compile.ts'
import { unlessRefused } from './failure.ts'
import type { Dialect } from './kernel.ts'
import { wholeWords, type Layout, type ProgramLayout } from './layout.ts'
import type { StepProgram } from './steps.ts'

export interface Resources {
  readonly device: GPUDevice
  /** The slabs of every tensor of the store, but for those in float64. */
  readonly store: ReadonlyMap<string, readonly GPUBuffer[]>
  /** Tensors in float64, which WGSL has not. */
  readonly doubles: ReadonlyMap<string, Float64Array>
  /** What goes up before a run: where it is collected, and where it goes. */
  readonly words: ArrayBuffer
  readonly uploads: GPUBuffer
  /** Outputs on their way to the caller, of one run and of one that is ahead of it. */
  readonly outputs: readonly [GPUBuffer, GPUBuffer]
  /** By program, in the order of the layout. */
  readonly dispatches: readonly (readonly Dispatch[])[]
  /** Where a buffer of a program lies. */
  readonly rangeOf: RangeOf
}

type RangeOf = (program: StepProgram, places: Pick<ProgramLayout, 'scratch' | 'uploads'>, buffer: BufferId) => GpuRange

const storage = usage.storage | usage.copySource | usage.copyTarget

/**
 * Makes all buffers at their planned sizes, zeroed, and all pipelines and bind groups.
 *
 * @throws PocketPhiError `out-of-memory`, `not-supported`
 */
export async function makeResources(device: GPUDevice, layout: Layout, dialect: Dialect): Promise<Resources> {
  const make = (): Promise<Resources> => makeAll(device, layout, dialect)
  return await unlessRefused(device, 'these programs', make, `${layout.memory.total} bytes`)
}

async function makeAll(device: GPUDevice, layout: Layout, dialect: Dialect): Promise<Resources> {
  const buffers = makeBuffers(device, layout)
  const { store, scratch, uploads } = buffers
  const rangeOf: RangeOf = (program, places, id) => {
    const { bytes, source } = present(program.buffers[id], 'buffer')
    const size = wholeWords(bytes)
    if (source.kind === 'store')
      return { buffer: present(store.get(source.name)?.[source.slab], 'slab'), offset: 0, size }
    if (source.kind === 'uploaded') return { buffer: uploads, offset: present(places.uploads.get(id), 'offset'), size }
    return { buffer: present(scratch[present(places.scratch.get(id), 'place')], 'scratch'), offset: 0, size }
  }
  const pipelines = new Pipelines(device, dialect)
  const dispatches: Dispatch[][] = []
  for (const { program, ...places } of layout.programs) {
    const words = argumentsOf(program)
    const given = device.createBuffer({
      label: `arguments of ${program.name}`,
      size: words.byteLength,
      usage: usage.uniform | usage.copyTarget,
    })
    device.queue.writeBuffer(given, 0, words)
    dispatches.push(await prepare(device, pipelines, program, given, (id) => rangeOf(program, places, id)))
  }
  return { device, ...buffers, words: new ArrayBuffer(layout.uploadBytes), dispatches, rangeOf }
}

function makeBuffers(device: GPUDevice, layout: Layout) {
  const make = (label: string, size: number, use: number = storage): GPUBuffer =>
    device.createBuffer({ label, size: Math.max(4, size), usage: use })
  const makeOutputs = (): GPUBuffer => make('outputs', layout.outputBytes, usage.mapRead | usage.copyTarget)
  const tensors = [...layout.store.tensors.values()]
  const inDoubles = tensors.filter(({ type }) => type.dtype === 'f64')
  const onGpu = tensors.filter(({ type }) => type.dtype !== 'f64')
  return {
    store: new Map(onGpu.map(({ name, slabs }) => [name, slabs.map(({ bytes }) => make(name, wholeWords(bytes)))])),
    doubles: new Map(inDoubles.map(({ name, type }) => [name, new Float64Array(tensorBytes(type) / 8)])),
    scratch: layout.scratchBytes.map((bytes) => make('scratch', bytes)),
    uploads: make('uploads', layout.uploadBytes),
    outputs: [makeOutputs(), makeOutputs()] as const,
  }
}
