import type { TensorType } from '../../base/dtype.ts'
import { PocketPhiError, present } from '../../base/errors.ts'
import { f16ToF32, f32ToF16 } from '../../blocks/half.ts'
import type { ReferenceTensor } from '../../program/ops/definition.ts'
import { planStore, tensorBytes, type MemoryPlan, type StorePlan } from '../../program/plan.ts'
import type { Program, Value } from '../../program/program.ts'
import type { Backend, Device, RunInputs } from '../backend.ts'
import { checkIndices, indexChecksOf } from '../index-checks.ts'
import { checkedInput } from '../inputs.ts'
import { Occupation } from '../occupation.ts'
import { wantedOutputs } from '../outputs.ts'
import { evaluate, storageBytes, storageFor } from './evaluate.ts'

/**
 * The oracle: every program, operation by operation, in plain float64. Slow on purpose; there is nothing here that could
 * be wrong in an interesting way.
 */
export function referenceBackend(): Backend {
  return {
    name: 'ref',
    measure,
    open: (programs) => Promise.resolve(openReferenceDevice(programs)),
  }
}

/** The sum of float64 storage; scratch counts every value of the largest program, as the oracle frees nothing early. */
function measure(programs: readonly Program[]): MemoryPlan {
  const store = planStore(programs, Infinity)
  const bytes = (origin: string): number =>
    [...store.tensors.values()]
      .filter((tensor) => tensor.origin === origin)
      .reduce((sum, tensor) => sum + storageBytes(tensor.type), 0)
  const scratch = programs.reduce((most, program) => {
    const sum = program.values
      .filter((value) => value.origin === 'computed')
      .reduce((total, value) => total + storageBytes(value.type), 0)
    return Math.max(most, sum)
  }, 0)
  const parts = { parameters: bytes('parameter'), states: bytes('state'), scratch }
  const total = parts.parameters + parts.states + parts.scratch
  return { ...parts, total, memories: [total] }
}

function openReferenceDevice(programs: readonly Program[]): Device {
  const plan: StorePlan = planStore(programs, Infinity)
  const store = new Map<string, ReferenceTensor>()
  for (const { name, type } of plan.tensors.values()) store.set(name, { type, data: storageFor(type) })
  const occupation = new Occupation()
  const ended = new AbortController()

  const stored = (name: string): ReferenceTensor => {
    const tensor = store.get(name)
    if (tensor === undefined) throw new PocketPhiError('not-found', `The store has no tensor "${name}".`)
    return tensor
  }
  const floatsOf = (name: string): Float64Array => {
    const { type, data } = stored(name)
    if (data instanceof Float64Array) return data
    throw new PocketPhiError('invalid-argument', `"${name}" is ${type.dtype}, not a float tensor.`)
  }

  return {
    backend: 'ref',
    execution: { threads: 0 },
    memory: measure(programs),
    typeOf: (name) => stored(name).type,
    names: () => [...store.keys()],
    async fill(name, read) {
      const { type, data } = stored(name)
      await occupation.during('is filling a tensor', async () => {
        if (data instanceof Uint8Array) return read(data, 0)
        const bytes = new Uint8Array(tensorBytes(type))
        await read(bytes, 0)
        data.set(valuesOf(type, bytes))
      })
    },
    write(name, values) {
      occupation.refuse()
      const data = floatsOf(name)
      if (data.length !== values.length) {
        throw new PocketPhiError('shape', `Wrong number of values for "${name}".`, {
          expected: String(data.length),
          found: String(values.length),
        })
      }
      data.set(values)
    },
    async read(name) {
      occupation.refuse()
      return Float32Array.from(floatsOf(name))
    },
    async readBytes(name) {
      occupation.refuse()
      const { type, data } = stored(name)
      return data instanceof Uint8Array ? Uint8Array.from(data) : bytesOf(type, data)
    },
    async run(name, inputs, { signal, outputs: names } = {}) {
      const program = programs.find((candidate) => candidate.name === name)
      if (program === undefined) throw new PocketPhiError('not-found', `No program "${name}" is open.`)
      return occupation.running(`is running "${name}"`, async () => {
        const wanted = wantedOutputs(
          Object.keys(program.outputs).map((output) => ({ name: output })),
          names,
        )
        const given = new Map(
          program.values.flatMap((value) => (value.origin === 'input' ? [[value, inputTensor(value, inputs)]] : [])),
        )
        checkIndices(indexChecksOf(program), inputs)
        const outputs = await evaluate(
          program,
          (value) => given.get(value) ?? stored(value.name),
          signal === undefined ? ended.signal : AbortSignal.any([ended.signal, signal]),
        )
        return Object.fromEntries(
          wanted.map((output) => [output.name, Float32Array.from(present(outputs[output.name], 'output').data)]),
        )
      })
    },
    takeProfiles: () => [],
    dispose() {
      occupation.end()
      ended.abort('The device was disposed of.')
      store.clear()
      return Promise.resolve()
    },
  }
}

/** The numbers of a tensor of plain elements, from bytes as a device holds them. */
function valuesOf({ dtype }: TensorType, { buffer }: Uint8Array<ArrayBuffer>): ArrayLike<number> {
  if (dtype === 'f64') return new Float64Array(buffer)
  return dtype === 'f16' ? f16ToF32(new Uint16Array(buffer)) : new Float32Array(buffer)
}

function bytesOf({ dtype }: TensorType, values: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  if (dtype === 'f64') return new Uint8Array(Float64Array.from(values).buffer)
  const floats = Float32Array.from(values)
  return new Uint8Array(dtype === 'f16' ? Uint16Array.from(f32ToF16(floats)).buffer : floats.buffer)
}

/** The caller's array as the oracle holds it. */
function inputTensor(value: Value, inputs: RunInputs): ReferenceTensor {
  const given = checkedInput(value, inputs)
  return { type: value.type, data: given instanceof Int32Array ? given.slice() : Float64Array.from(given) }
}
