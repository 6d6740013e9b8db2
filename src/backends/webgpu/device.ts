import { formatType, isQuantizedDType, type TensorType } from '../../base/dtype.ts'
import { PocketPhiError, present, throwIfAborted } from '../../base/errors.ts'
import { rowsTogether } from '../../blocks/matrix.ts'
import { tensorBytes, type MemoryPlan, type Slab, type StoredTensor } from '../../program/plan.ts'
import type { Device, Execution, ProgramProfile, RunInputs, RunOptions, RunOutputs } from '../backend.ts'
import { checkIndices } from '../index-checks.ts'
import { checkedInput } from '../inputs.ts'
import { Occupation } from '../occupation.ts'
import { elementsAt, wantedOutputs, type StepOutput } from '../outputs.ts'
import { usage, type Dispatch } from './compile.ts'
import { unlessRefused, type DeviceFailure } from './failure.ts'
import { wholeWords, type Layout, type ProgramLayout } from './layout.ts'
import type { Resources } from './resources.ts'

/** Bytes that go up at a time. */
const pieceBytes = 1 << 24

/** Bytes that may wait for the GPU before the next are read: more would only fill the driver's memory. */
const mostWaiting = 1 << 26

/** Submissions that may wait for the GPU, so that it never waits for us and an abort is soon noticed. */
const mostSubmitted = 2

/** A run whose steps the GPU has, or gets. */
interface Enqueued {
  readonly layout: ProgramLayout
  /** Rejects where the run was aborted, or failed, before the GPU had all of it. */
  readonly submission: Promise<void>
}

/** The run before another, and by name of an input the output of it whose first elements that input is. */
interface Following {
  readonly before: Enqueued
  readonly outputs: Readonly<Record<string, string>>
}

/** Programs on a GPU of their own. */
export class WebGpuDevice implements Device {
  readonly backend = 'webgpu'
  readonly execution: Execution
  readonly memory: MemoryPlan
  readonly #layout: Layout
  readonly #failure: DeviceFailure
  readonly #occupation = new Occupation()
  #resources: Resources | undefined
  #latest: Enqueued | undefined
  #runs = 0
  #dispatches = 0
  #waitingBytes = 0

  constructor(layout: Layout, resources: Resources, failure: DeviceFailure, description: string) {
    this.execution = { threads: 0, kernels: description }
    this.memory = layout.memory
    this.#layout = layout
    this.#failure = failure
    this.#resources = resources
  }

  /** Kernels that the GPU was given since the device was opened: every step of a program is one. */
  get dispatches(): number {
    return this.#dispatches
  }

  typeOf(name: string): TensorType {
    return this.#stored(name).type
  }

  names(): readonly string[] {
    this.#held()
    return [...this.#layout.store.tensors.keys()]
  }

  async fill(name: string, read: (bytes: Uint8Array, offset: number) => void | Promise<void>): Promise<void> {
    const { type, slabs } = this.#stored(name)
    await this.#occupation.during('is filling a tensor', async () => {
      this.#failure.refuse()
      const { doubles, device } = this.#held()
      const host = doubles.get(name)
      if (host !== undefined) return read(new Uint8Array(host.buffer, host.byteOffset, host.byteLength), 0)
      // Memory may be given only when it is written to.
      await unlessRefused(device, `"${name}"`, async () => {
        let offset = 0
        for (const [index, slab] of slabs.entries()) {
          await this.#fillSlab(this.#slabOf(name, index), type, slab, (bytes, from) => read(bytes, offset + from))
          offset += slab.bytes
        }
      })
      this.#failure.refuse()
    })
  }

  write(name: string, values: Float32Array | Float64Array): void {
    this.#occupation.refuse()
    this.#failure.refuse()
    const { type, slabs } = this.#stored(name)
    if (type.dtype !== 'f32' && type.dtype !== 'f64') {
      throw new PocketPhiError('invalid-argument', `"${name}" cannot be written as floats.`, {
        expected: 'f32 or f64',
        found: formatType(type),
      })
    }
    const count = tensorBytes(type) / (type.dtype === 'f32' ? 4 : 8)
    if (count !== values.length) {
      throw new PocketPhiError('shape', `Wrong number of values for "${name}".`, {
        expected: String(count),
        found: String(values.length),
      })
    }
    const { device, doubles } = this.#held()
    const host = doubles.get(name)
    if (host !== undefined) {
      host.set(values)
      return
    }
    const floats = Float32Array.from(values)
    let from = 0
    for (const [index, { bytes }] of slabs.entries()) {
      device.queue.writeBuffer(this.#slabOf(name, index), 0, floats, from, bytes / 4)
      from += bytes / 4
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
    const { type, slabs } = this.#stored(name)
    return await this.#occupation.during('is reading a tensor', async () => {
      const bytes = new Uint8Array(tensorBytes(type))
      const host = this.#held().doubles.get(name)
      if (host !== undefined) {
        bytes.set(new Uint8Array(host.buffer, host.byteOffset, host.byteLength))
        return bytes
      }
      let offset = 0
      for (const [index, slab] of slabs.entries()) {
        bytes.set(await this.#readBuffer(this.#slabOf(name, index), slab.bytes), offset)
        offset += slab.bytes
      }
      return bytes
    })
  }

  async run(name: string, inputs: RunInputs, options: RunOptions = {}): Promise<RunOutputs> {
    const number = this.#numberOf(name)
    throwIfAborted(options.signal)
    return await this.#occupation.running(`is running "${name}"`, () => this.#run(number, inputs, options))
  }

  /** An input that takes something's place must be one that kernels read, not this thread (as for tables of angles). */
  async runAhead(
    name: string,
    inputs: RunInputs,
    following: Readonly<Record<string, string>>,
    options: RunOptions = {},
  ): Promise<RunOutputs> {
    const number = this.#numberOf(name)
    const before = this.#latest
    if (before === undefined) throw new PocketPhiError('invalid-argument', 'There is no run that another could follow.')
    throwIfAborted(options.signal)
    return await this.#occupation.runningAhead(`is running "${name}"`, () =>
      this.#run(number, inputs, options, { before, outputs: following }),
    )
  }

  takeProfiles(): readonly ProgramProfile[] {
    return []
  }

  async dispose(): Promise<void> {
    this.#occupation.end()
    const resources = this.#resources
    this.#resources = undefined
    resources?.device.destroy()
    await resources?.device.lost
  }

  async #run(
    number: number,
    inputs: RunInputs,
    { signal, outputs }: RunOptions,
    following?: Following,
  ): Promise<RunOutputs> {
    const layout = present(this.#layout.programs[number], 'program')
    const wanted = wantedOutputs(layout.program.outputs, outputs)
    const target = present(this.#held().outputs[this.#runs++ % 2], 'outputs')
    const submission = this.#enqueue(number, inputs, signal, following, (encoder) =>
      this.#encodeOutputs(encoder, layout, wanted, target),
    )
    this.#latest = { layout, submission }
    await submission
    return await this.#read(wanted, target)
  }

  /** Hands the GPU a whole run, whose last submission `encodeEnd` completes. */
  async #enqueue(
    number: number,
    inputs: RunInputs,
    signal: AbortSignal | undefined,
    following: Following | undefined,
    encodeEnd: (encoder: GPUCommandEncoder) => void,
  ): Promise<void> {
    const layout = present(this.#layout.programs[number], 'program')
    // What comes before must be with the GPU before its inputs are overwritten.
    if (following !== undefined) await following.before.submission
    this.#occupation.throwIfEnded()
    this.#failure.refuse()
    const { device, dispatches, doubles, uploads, words } = this.#held()
    writeUploads(words, layout, inputs, (tensor) => present(doubles.get(tensor), tensor))
    device.queue.writeBuffer(uploads, 0, words, 0, layout.uploadBytes)
    if (following !== undefined) this.#follow(layout, following)
    await this.#submit(layout, present(dispatches[number], 'dispatches'), signal, encodeEnd)
  }

  /** Puts outputs of the run before in the place of inputs. */
  #follow({ program, uploads }: ProgramLayout, { before, outputs }: Following): void {
    const held = this.#held()
    const encoder = held.device.createCommandEncoder()
    for (const [name, output] of Object.entries(outputs)) {
      const input = program.inputs.find((one) => one.name === name)
      const [source] = wantedOutputs(before.layout.program.outputs, [output])
      const piece = source?.pieces[0]
      const bytes = input === undefined ? 0 : tensorBytes(input.type)
      if (input === undefined || piece === undefined || source?.dtype !== input.type.dtype || piece.count * 4 < bytes) {
        throw new PocketPhiError(
          'invalid-argument',
          `The input "${name}" of "${program.name}" cannot be "${output}".`,
          {
            expected: input === undefined ? program.inputs.map((one) => one.name).join(', ') : formatType(input.type),
          },
        )
      }
      const from = held.rangeOf(before.layout.program, before.layout, piece.buffer)
      encoder.copyBufferToBuffer(
        from.buffer,
        from.offset,
        held.uploads,
        present(uploads.get(input.buffer), 'offset'),
        bytes,
      )
    }
    held.device.queue.submit([encoder.finish()])
  }

  /** Hands the GPU the steps, a segment at a time. */
  async #submit(
    { segments }: ProgramLayout,
    dispatches: readonly Dispatch[],
    signal: AbortSignal | undefined,
    encodeEnd: (encoder: GPUCommandEncoder) => void,
  ): Promise<void> {
    const waiting: Promise<unknown>[] = []
    const { device } = this.#held()
    try {
      for (const [index, { from, to }] of segments.entries()) {
        if (waiting.length === mostSubmitted) await this.#finished(present(waiting.shift(), 'submission'))
        throwIfAborted(signal)
        const encoder = device.createCommandEncoder()
        encodeSteps(encoder, dispatches.slice(from, to))
        if (index === segments.length - 1) encodeEnd(encoder)
        device.queue.submit([encoder.finish()])
        this.#dispatches += to - from
        if (index < segments.length - 1) waiting.push(device.queue.onSubmittedWorkDone())
      }
      if (segments.length === 0) {
        const encoder = device.createCommandEncoder()
        encodeEnd(encoder)
        device.queue.submit([encoder.finish()])
      }
    } finally {
      await Promise.allSettled(waiting.map((work) => this.#failure.orLost(work)))
    }
  }

  /** Waits for the GPU; a device that is disposed of meanwhile ends the run. */
  async #finished<T>(work: Promise<T>): Promise<T> {
    try {
      return await this.#failure.orLost(work)
    } finally {
      this.#occupation.throwIfEnded()
    }
  }

  #encodeOutputs(
    encoder: GPUCommandEncoder,
    { program, uploads, scratch }: ProgramLayout,
    outputs: readonly StepOutput[],
    target: GPUBuffer,
  ): void {
    const { rangeOf } = this.#held()
    let offset = 0
    for (const { pieces } of outputs) {
      for (const { buffer, count } of pieces) {
        const from = rangeOf(program, { uploads, scratch }, buffer)
        encoder.copyBufferToBuffer(from.buffer, from.offset, target, offset, count * 4)
        offset += count * 4
      }
    }
  }

  async #read(outputs: readonly StepOutput[], source: GPUBuffer): Promise<RunOutputs> {
    const counts = outputs.map(({ pieces }) => pieces.reduce((sum, { count }) => sum + count, 0))
    const bytes = 4 * counts.reduce((sum, count) => sum + count, 0)
    if (bytes === 0) {
      await this.#finished(this.#held().device.queue.onSubmittedWorkDone())
      return {}
    }
    await this.#finished(source.mapAsync(1, 0, bytes))
    const words = source.getMappedRange(0, bytes).slice(0)
    source.unmap()
    let at = 0
    return Object.fromEntries(
      outputs.map(({ name, dtype }, index) => {
        const values = Float32Array.from(elementsAt(dtype, words, at, present(counts[index], 'count')))
        at += values.byteLength
        return [name, values]
      }),
    )
  }

  /** Whole rows (panels of a matrix in blocks) go up at a time, through memory that `read` fills. */
  async #fillSlab(
    target: GPUBuffer,
    type: TensorType,
    slab: Slab,
    read: (bytes: Uint8Array, offset: number) => void | Promise<void>,
  ): Promise<void> {
    // Rows of ggml's blocks may end within a word; four of them never do.
    const grain = 4 * (isQuantizedDType(type.dtype) ? rowsTogether(type.dtype) : 1)
    const grainBytes = tensorBytes({ dtype: type.dtype, shape: [grain, ...type.shape.slice(1)] })
    const step = Math.max(1, Math.floor(pieceBytes / grainBytes)) * grainBytes
    const staging = new Uint8Array(wholeWords(Math.min(step, slab.bytes)))
    for (let offset = 0; offset < slab.bytes; offset += step) {
      const length = Math.min(step, slab.bytes - offset)
      await read(staging.subarray(0, length), offset)
      this.#occupation.throwIfEnded()
      const { device } = this.#held()
      device.queue.writeBuffer(target, offset, staging, 0, wholeWords(length))
      this.#waitingBytes += length
      if (this.#waitingBytes < mostWaiting) continue
      this.#waitingBytes = 0
      device.queue.submit([])
      await this.#finished(device.queue.onSubmittedWorkDone())
    }
  }

  async #readBuffer(source: GPUBuffer, bytes: number): Promise<Uint8Array> {
    const { device } = this.#held()
    const size = wholeWords(bytes)
    const make = (): GPUBuffer => device.createBuffer({ label: 'read', size, usage: usage.mapRead | usage.copyTarget })
    const staging = await unlessRefused(device, 'what is read', () => Promise.resolve(make()))
    try {
      const encoder = device.createCommandEncoder()
      encoder.copyBufferToBuffer(source, 0, staging, 0, size)
      device.queue.submit([encoder.finish()])
      await this.#finished(staging.mapAsync(1))
      return new Uint8Array(staging.getMappedRange().slice(0, bytes))
    } finally {
      staging.destroy()
    }
  }

  #held(): Resources {
    if (this.#resources === undefined) throw new PocketPhiError('invalid-argument', 'The device was disposed.')
    return this.#resources
  }

  #numberOf(name: string): number {
    this.#held()
    const number = this.#layout.programs.findIndex(({ program }) => program.name === name)
    if (number >= 0) return number
    throw new PocketPhiError('not-found', `No program "${name}" is open.`, {
      expected: this.#layout.programs.map(({ program }) => program.name).join(', '),
    })
  }

  #stored(name: string): StoredTensor {
    this.#held()
    const tensor = this.#layout.store.tensors.get(name)
    if (tensor === undefined) throw new PocketPhiError('not-found', `The store has no tensor "${name}".`)
    return tensor
  }

  #slabOf(name: string, index: number): GPUBuffer {
    return present(this.#held().store.get(name)?.[index], 'slab')
  }
}

/** All steps in one pass: WebGPU orders dispatches that touch the same buffers. */
function encodeSteps(encoder: GPUCommandEncoder, dispatches: readonly Dispatch[]): void {
  const pass = encoder.beginComputePass()
  let current: GPUComputePipeline | undefined
  for (const { pipeline, group, groups } of dispatches) {
    if (pipeline !== current) pass.setPipeline(pipeline)
    current = pipeline
    pass.setBindGroup(0, group)
    pass.dispatchWorkgroups(...groups)
  }
  pass.end()
}

/** Checks the inputs and puts everything that goes up before a run where it lies among that. */
function writeUploads(
  words: ArrayBuffer,
  { program, uploads }: ProgramLayout,
  inputs: RunInputs,
  tensors: (name: string) => Float64Array,
): void {
  for (const { name, type } of program.inputs) checkedInput({ name, type, id: 0, origin: 'input' }, inputs)
  checkIndices(program.checks, inputs)
  for (const { buffer, words: compute } of program.uploads) {
    const values = compute(inputs, tensors)
    const offset = present(uploads.get(buffer), 'offset')
    if (values instanceof Int32Array) new Int32Array(words, offset, values.length).set(values)
    else new Float32Array(words, offset, values.length).set(values)
  }
}
