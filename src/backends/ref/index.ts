import type { TensorType } from '../../base/dtype.ts'
import { PocketPhiError, present, throwIfAborted } from '../../base/errors.ts'
import { definitionOf, referenceStorage, type ReferenceTensor } from '../../program/ops/definition.ts'
import '../../program/ops/index.ts'
import { planStore, tensorBytes, type MemoryPlan, type StorePlan } from '../../program/plan.ts'
import type { Program, ValueId } from '../../program/program.ts'
import type { Backend, Device, RunInputs, RunOptions } from '../backend.ts'
import { checkedInput } from '../inputs.ts'

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
      .reduce((sum, tensor) => sum + storage(tensor.type).byteLength, 0)
  const scratch = programs.reduce((most, program) => {
    const sum = program.values
      .filter((value) => value.origin === 'computed')
      .reduce((total, value) => total + 2 * tensorBytes(value.type), 0)
    return Math.max(most, sum)
  }, 0)
  const parts = { parameters: bytes('parameter'), states: bytes('state'), scratch }
  return { ...parts, total: parts.parameters + parts.states + parts.scratch }
}

function storage(type: TensorType): ReferenceTensor['data'] {
  return referenceStorage(type, tensorBytes(type))
}

function openReferenceDevice(programs: readonly Program[]): Device {
  const plan: StorePlan = planStore(programs, Infinity)
  const store = new Map<string, ReferenceTensor>()
  for (const { name, type } of plan.tensors.values()) store.set(name, { type, data: storage(type) })
  let busy = false

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
    memory: measure(programs),
    typeOf: (name) => stored(name).type,
    names: () => [...store.keys()],
    async fill(name, read) {
      const { type, data } = stored(name)
      if (data instanceof Uint8Array) return read(data, 0)
      const bytes = new Uint8Array(tensorBytes(type))
      await read(bytes, 0)
      data.set(type.dtype === 'f64' ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer))
    },
    write(name, values) {
      const data = floatsOf(name)
      if (data.length !== values.length) {
        throw new PocketPhiError('shape', `Wrong number of values for "${name}".`, {
          expected: String(data.length),
          found: String(values.length),
        })
      }
      data.set(values)
    },
    read: (name) => Float32Array.from(floatsOf(name)),
    readBytes(name) {
      const { type, data } = stored(name)
      if (data instanceof Uint8Array) return data.slice()
      return type.dtype === 'f64'
        ? new Uint8Array(Float64Array.from(data).buffer)
        : new Uint8Array(Float32Array.from(data).buffer)
    },
    async run(name, inputs, options = {}) {
      if (busy) throw new PocketPhiError('invalid-argument', 'The device is running a program already.')
      const program = programs.find((candidate) => candidate.name === name)
      if (program === undefined) throw new PocketPhiError('not-found', `No program "${name}" is open.`)
      busy = true
      try {
        return await runProgram(program, store, inputs, options)
      } finally {
        busy = false
      }
    },
    dispose() {
      store.clear()
      return Promise.resolve()
    },
  }
}

async function runProgram(
  program: Program,
  store: ReadonlyMap<string, ReferenceTensor>,
  inputs: RunInputs,
  options: RunOptions,
): Promise<Record<string, Float32Array>> {
  const values = new Map<ValueId, ReferenceTensor>()
  for (const value of program.values) {
    if (value.origin === 'input') {
      const given = checkedInput(value, inputs)
      const data = given instanceof Int32Array ? given.slice() : Float64Array.from(given)
      values.set(value.id, { type: value.type, data })
    } else if (value.origin !== 'computed') {
      values.set(value.id, present(store.get(value.name), value.name))
    }
  }
  const known = (id: ValueId): ReferenceTensor => present(values.get(id), `value %${id}`)
  for (const operation of program.operations) {
    throwIfAborted(options.signal)
    await Promise.resolve()
    for (const id of operation.outputs) {
      const { type } = present(program.values[id], 'value')
      values.set(id, { type, data: storage(type) })
    }
    const { reference } = definitionOf(operation.kind)
    reference(operation.inputs.map(known), operation.outputs.map(known), operation.attributes)
  }
  return Object.fromEntries(
    Object.entries(program.outputs).map(([name, id]) => [name, Float32Array.from(known(id).data)]),
  )
}
