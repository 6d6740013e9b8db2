import { formatType, type TensorType } from '../../base/dtype.ts'
import { PocketPhiError, present, throwIfAborted } from '../../base/errors.ts'
import { tensorBytes, type MemoryPlan, type StoredTensor } from '../../program/plan.ts'
import type { Device, Execution, RunInputs, RunOptions } from '../backend.ts'
import { checkedInput } from '../inputs.ts'
import { checkIndices } from './checks.ts'
import type { Layout, ProgramLayout } from './layout.ts'
import type { Runner } from './runner.ts'

/** Programs in one WebAssembly memory, and what walks them. */
export class WasmDevice implements Device {
  readonly backend = 'wasm'
  readonly execution: Execution
  readonly memory: MemoryPlan
  readonly #buffer: ArrayBufferLike
  readonly #layout: Layout
  readonly #runner: Runner
  /** What the device is doing; one thing at a time. */
  #occupation: string | undefined
  #disposed: Promise<void> | undefined

  constructor(memory: WebAssembly.Memory, layout: Layout, runner: Runner, execution: Execution = { threads: 0 }) {
    this.execution = execution
    this.memory = layout.memory
    this.#buffer = memory.buffer
    this.#layout = layout
    this.#runner = runner
  }

  typeOf(name: string): TensorType {
    return this.#stored(name).type
  }

  names(): readonly string[] {
    return [...this.#layout.store.tensors.keys()]
  }

  async fill(name: string, read: (bytes: Uint8Array, offset: number) => void | Promise<void>): Promise<void> {
    const slabs = this.#slabs(name)
    await this.#occupied('filling a tensor', async () => {
      let offset = 0
      for (const slab of slabs) {
        await read(slab, offset)
        offset += slab.length
      }
    })
  }

  write(name: string, values: Float32Array | Float64Array): void {
    this.#refuseIfOccupied()
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
    for (const { byteOffset, length } of this.#slabs(name)) {
      const count = length / size
      const view =
        size === 4
          ? new Float32Array(this.#buffer, byteOffset, count)
          : new Float64Array(this.#buffer, byteOffset, count)
      view.set(values.subarray(from, from + count))
      from += count
    }
  }

  read(name: string): Float32Array {
    const { type } = this.#stored(name)
    if (type.dtype !== 'f32') {
      throw new PocketPhiError('invalid-argument', `"${name}" cannot be read as floats.`, {
        expected: 'f32',
        found: formatType(type),
        remedy: 'Use readBytes.',
      })
    }
    return new Float32Array(this.readBytes(name).buffer)
  }

  readBytes(name: string): Uint8Array<ArrayBuffer> {
    this.#refuseIfOccupied()
    const slabs = this.#slabs(name)
    const bytes = new Uint8Array(slabs.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    for (const slab of slabs) {
      bytes.set(slab, at)
      at += slab.length
    }
    return bytes
  }

  async run(name: string, inputs: RunInputs, options: RunOptions = {}): Promise<Record<string, Float32Array>> {
    const number = this.#layout.programs.findIndex(({ program }) => program.name === name)
    const found = this.#layout.programs[number]
    if (found === undefined) {
      throw new PocketPhiError('not-found', `No program "${name}" is open.`, {
        expected: this.#layout.programs.map(({ program }) => program.name).join(', '),
      })
    }
    throwIfAborted(options.signal)
    return this.#occupied(`running "${name}"`, async () => {
      this.#writeInputs(found, inputs)
      this.#runner.begin(number)
      try {
        for (const { from, to } of found.segments) {
          throwIfAborted(options.signal)
          await this.#runner.run(number, from, to)
          if (this.#disposed !== undefined) {
            throw new PocketPhiError('aborted', 'The device was disposed of while it ran.')
          }
        }
      } finally {
        this.#runner.end()
      }
      return this.#outputs(found)
    })
  }

  async dispose(): Promise<void> {
    this.#disposed ??= this.#runner.dispose()
    await this.#disposed
  }

  #refuseIfOccupied(): void {
    if (this.#disposed !== undefined) throw new PocketPhiError('invalid-argument', 'The device was disposed.')
    if (this.#occupation === undefined) return
    throw new PocketPhiError('invalid-argument', 'The device does one thing at a time.', {
      found: `it ${this.#occupation} already`,
      remedy: 'Wait for the promise of what it does.',
    })
  }

  async #occupied<T>(occupation: string, body: () => Promise<T>): Promise<T> {
    this.#refuseIfOccupied()
    this.#occupation = occupation
    try {
      return await body()
    } finally {
      this.#occupation = undefined
    }
  }

  #stored(name: string): StoredTensor {
    const tensor = this.#layout.store.tensors.get(name)
    if (tensor === undefined) throw new PocketPhiError('not-found', `The store has no tensor "${name}".`)
    return tensor
  }

  /** The bytes of a tensor, in place. */
  #slabs(name: string): Uint8Array[] {
    const { slabs } = this.#stored(name)
    return slabs.map(({ offset, bytes }) => new Uint8Array(this.#buffer, this.#layout.storeStart + offset, bytes))
  }

  /** Inputs that the program does not have are passed over, since tracing drops what nothing reads. */
  #writeInputs({ program, addresses }: ProgramLayout, inputs: RunInputs): void {
    const values = program.inputs.map(({ name, type }) => checkedInput({ name, type, id: 0, origin: 'input' }, inputs))
    checkIndices(program.checks, inputs)
    program.inputs.forEach(({ buffer }, index) => {
      const address = present(addresses[buffer], 'address')
      const given = present(values[index], 'input')
      if (given instanceof Int32Array) new Int32Array(this.#buffer, address, given.length).set(given)
      else new Float32Array(this.#buffer, address, given.length).set(given)
    })
  }

  #outputs({ program, addresses }: ProgramLayout): Record<string, Float32Array> {
    return Object.fromEntries(
      program.outputs.map(({ name, pieces }) => {
        const values = new Float32Array(pieces.reduce((sum, { count }) => sum + count, 0))
        let at = 0
        for (const { buffer, count } of pieces) {
          values.set(new Float32Array(this.#buffer, present(addresses[buffer], 'address'), count), at)
          at += count
        }
        return [name, values]
      }),
    )
  }
}
