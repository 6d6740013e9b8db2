import { formatType, type TensorType } from '../../base/dtype.ts'
import { PocketPhiError, present, throwIfAborted } from '../../base/errors.ts'
import type { RepackPanel } from '../../blocks/ggml-repack.ts'
import { tensorBytes, type MemoryPlan, type StoredTensor } from '../../program/plan.ts'
import type {
  Device,
  Execution,
  ExpertCounters,
  ProgramProfile,
  RunInputs,
  RunOptions,
  RunOutputs,
} from '../backend.ts'
import { checkIndices } from '../index-checks.ts'
import { checkedInput } from '../inputs.ts'
import { Occupation } from '../occupation.ts'
import { elementsAt, wantedOutputs, type StepOutput } from '../outputs.ts'
import type { RunSteps } from './expert-walk.ts'
import type { HeldExperts } from './experts.ts'
import type { Layout, ProgramLayout } from './layout.ts'
import { locate } from './location.ts'
import type { Profiler } from './profiler.ts'
import type { Runner } from './runner.ts'
import type { BufferId } from '../operands.ts'

/** What a device holds until it is disposed of: the memories above all. */
interface Open {
  readonly buffers: readonly ArrayBufferLike[]
  readonly layout: Layout
  readonly runner: Runner
}

/** What a device may have beside memories and what walks them. */
export interface DeviceParts {
  readonly execution?: Execution
  readonly profiler?: Profiler | undefined
  /** Of a layout with pools for experts; the device closes their source. */
  readonly experts?: HeldExperts | undefined
  readonly repackPanel?: RepackPanel
}

/** Programs in one or more WebAssembly memories, and what walks them. */
export class WasmDevice implements Device {
  readonly backend = 'wasm'
  readonly execution: Execution
  readonly memory: MemoryPlan
  readonly repackPanel: RepackPanel | undefined
  readonly #occupation = new Occupation()
  readonly #profiler: Profiler | undefined
  #experts: HeldExperts | undefined
  #open: Open | undefined
  #disposed: Promise<void> | undefined

  /** The memories are those of the layout, in order. */
  constructor(
    memories: WebAssembly.Memory | readonly WebAssembly.Memory[],
    layout: Layout,
    runner: Runner,
    { execution = { threads: 0 }, profiler, experts, repackPanel }: DeviceParts = {},
  ) {
    this.execution = execution
    this.repackPanel = repackPanel
    this.#profiler = profiler
    this.memory = layout.memory
    const buffers = [memories].flat().map(({ buffer }) => buffer)
    this.#open = { buffers, layout, runner }
    this.#experts = experts
  }

  get experts(): ExpertCounters | undefined {
    return this.#experts?.cache.counters
  }

  typeOf(name: string): TensorType {
    return this.#stored(name).type
  }

  names(): readonly string[] {
    return [...this.#held().layout.bound.tensors.keys()]
  }

  async fill(name: string, read: (bytes: Uint8Array, offset: number) => void | Promise<void>): Promise<void> {
    const slabs = this.#slabs(name)
    await this.#occupation.during('is filling a tensor', async () => {
      let offset = 0
      for (const slab of slabs) {
        await read(slab, offset)
        offset += slab.length
      }
    })
  }

  write(name: string, values: Float32Array | Float64Array): void {
    this.#occupation.refuse()
    const { type } = this.#stored(name)
    if (type.dtype !== 'f32' && type.dtype !== 'f64') {
      throw new PocketPhiError('invalid-argument', `"${name}" cannot be written as floats.`, {
        expected: 'f32 or f64',
        found: formatType(type),
      })
    }
    const size = type.dtype === 'f32' ? 4 : 8
    if (tensorBytes(type) !== values.length * size) {
      throw new PocketPhiError('shape', `Wrong number of values for "${name}".`, {
        expected: String(tensorBytes(type) / size),
        found: String(values.length),
      })
    }
    let from = 0
    for (const { buffer, byteOffset, length } of this.#slabs(name)) {
      const count = length / size
      const view =
        size === 4 ? new Float32Array(buffer, byteOffset, count) : new Float64Array(buffer, byteOffset, count)
      view.set(values.subarray(from, from + count))
      from += count
    }
  }

  async read(name: string): Promise<Float32Array> {
    const { type } = this.#stored(name)
    if (type.dtype !== 'f32') {
      throw new PocketPhiError('invalid-argument', `"${name}" cannot be read as floats.`, {
        expected: 'f32',
        found: formatType(type),
        remedy: 'Use readBytes.',
      })
    }
    return new Float32Array((await this.readBytes(name)).buffer)
  }

  async readBytes(name: string): Promise<Uint8Array<ArrayBuffer>> {
    this.#occupation.refuse()
    const bytes = new Uint8Array(tensorBytes(this.#stored(name).type))
    if (this.#experts !== undefined && !this.#held().layout.store.tensors.has(name)) {
      await this.#experts.source.read(name, bytes)
      return bytes
    }
    const slabs = this.#slabs(name)
    let at = 0
    for (const slab of slabs) {
      bytes.set(slab, at)
      at += slab.length
    }
    return bytes
  }

  async run(name: string, inputs: RunInputs, options: RunOptions = {}): Promise<RunOutputs> {
    const open = this.#held()
    const { programs } = open.layout
    const number = programs.findIndex(({ program }) => program.name === name)
    if (number < 0) {
      throw new PocketPhiError('not-found', `No program "${name}" is open.`, {
        expected: programs.map(({ program }) => program.name).join(', '),
      })
    }
    throwIfAborted(options.signal)
    return this.#occupation.running(`is running "${name}"`, async () => {
      this.#profiler?.begin(number)
      try {
        return await this.#walk(open, number, inputs, options)
      } finally {
        this.#profiler?.end()
      }
    })
  }

  async #walk(
    { buffers, layout, runner }: Open,
    number: number,
    inputs: RunInputs,
    { signal, outputs }: RunOptions,
  ): Promise<RunOutputs> {
    const program = present(layout.programs[number], 'program')
    const wanted = wantedOutputs(program.program.outputs, outputs)
    writeInputs(buffers, program, inputs)
    runner.begin(number)
    const waitedBefore = this.experts?.waitedMilliseconds ?? 0
    let completed = false
    const check = (): void => {
      throwIfAborted(signal)
      this.#occupation.throwIfEnded()
    }
    const runSteps: RunSteps = async (from, to) => {
      await runner.run(number, from, to)
      this.#profiler?.segmentEnded(from, to)
      this.#occupation.throwIfEnded()
    }
    const walk = this.#experts?.walk(program.segments, { runSteps, check, signal })
    try {
      for (const { from, to, experts } of program.segments) {
        throwIfAborted(signal)
        if (experts === undefined) await runSteps(from, to)
        else await present(walk, 'source of experts').run(experts)
      }
      completed = true
    } finally {
      await walk?.end()
      runner.end(completed, (this.experts?.waitedMilliseconds ?? 0) - waitedBefore)
    }
    return readOutputs(buffers, program, wanted)
  }

  takeProfiles(): readonly ProgramProfile[] {
    return this.#profiler?.take() ?? []
  }

  async dispose(): Promise<void> {
    this.#occupation.end()
    this.#disposed ??= this.#end()
    // A device that is kept must not keep gigabytes; a run that goes on holds them until it has noticed.
    this.#open = undefined
    await this.#disposed
  }

  async #end(): Promise<void> {
    const [runner, experts] = [this.#open?.runner, this.#experts]
    this.#experts = undefined
    await runner?.dispose()
    await experts?.cache.settle()
    await experts?.source.close()
  }

  #held(): Open {
    if (this.#open === undefined) throw new PocketPhiError('invalid-argument', 'The device was disposed.')
    return this.#open
  }

  #stored(name: string): StoredTensor {
    const tensor = this.#held().layout.bound.tensors.get(name)
    if (tensor === undefined) throw new PocketPhiError('not-found', `The store has no tensor "${name}".`)
    return tensor
  }

  /** The bytes of a tensor, in place. */
  #slabs(name: string): Uint8Array[] {
    const { buffers, layout } = this.#held()
    const { slabs } = this.#stored(name)
    const places = layout.placement.places.get(name)
    if (places === undefined) throw readWhenChosen(name)
    return slabs.map(({ bytes }, index) => {
      const { memory, offset } = present(places[index], 'place')
      const { storeStart } = present(layout.memories[memory], 'memory')
      return new Uint8Array(present(buffers[memory], 'memory'), storeStart + offset, bytes)
    })
  }
}

function readWhenChosen(name: string): PocketPhiError {
  return new PocketPhiError('invalid-argument', `"${name}" is not in memory: it is read when its expert is chosen.`, {
    remedy: 'Open the device without a cache of experts.',
  })
}

/** The memory and the address of a buffer of a program. */
function bytesOf(
  buffers: readonly ArrayBufferLike[],
  layout: ProgramLayout,
  buffer: BufferId,
): [ArrayBufferLike, number] {
  const { memory, address } = locate(layout, buffer)
  return [present(buffers[memory], 'memory'), address]
}

/**
 * Writes every input into each memory that reads it. Inputs that the program does not have are passed over, since tracing
 * drops what nothing reads.
 */
function writeInputs(buffers: readonly ArrayBufferLike[], layout: ProgramLayout, inputs: RunInputs): void {
  const { program } = layout
  const values = program.inputs.map(({ name, type }) => checkedInput({ name, type, id: 0, origin: 'input' }, inputs))
  checkIndices(program.checks, inputs)
  program.inputs.forEach((input, index) => {
    const [memory, address] = bytesOf(buffers, layout, input.buffer)
    const given = present(values[index], 'input')
    if (given instanceof Int32Array) new Int32Array(memory, address, given.length).set(given)
    else new Float32Array(memory, address, given.length).set(given)
  })
}

/** Copies of outputs. */
function readOutputs(
  buffers: readonly ArrayBufferLike[],
  layout: ProgramLayout,
  outputs: readonly StepOutput[],
): RunOutputs {
  return Object.fromEntries(
    outputs.map(({ name, dtype, pieces }) => {
      const values = new Float32Array(pieces.reduce((sum, { count }) => sum + count, 0))
      let at = 0
      for (const { buffer, count } of pieces) {
        const [memory, address] = bytesOf(buffers, layout, buffer)
        values.set(elementsAt(dtype, memory, address, count), at)
        at += count
      }
      return [name, values]
    }),
  )
}
