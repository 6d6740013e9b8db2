import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Random } from '../../base/random.ts'
import {
  accumulate,
  add,
  attention,
  cachedAttention,
  embedding,
  scale,
  Trace,
  type Program,
} from '../../program/index.ts'
import { planStore } from '../../program/plan.ts'
import { tensorType } from '../../program/ops/definition.ts'
import type { Device } from '../backend.ts'
import { deviceTests, failure, longProgram, onesFor, slabTest, smallProgram } from '../device-cases-harness.ts'
import { wasmBackend } from './index.ts'
import { lowerProgram } from './lowering/index.ts'
import { spreadBackend } from './memories-harness.ts'
import { ThreadChooser } from './threads.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Its products take tens of milliseconds each. */
const side = 512
const small = smallProgram
const long = (): Program => longProgram(side)
const ones = onesFor(side)

const open: Device[] = []

async function openDevice(...args: [Parameters<typeof wasmBackend>[0], ...Program[]]): Promise<Device> {
  const [options, ...programs] = args
  const device = await wasmBackend(options).open(programs)
  open.push(device)
  return device
}

afterEach(async () => {
  vi.restoreAllMocks()
  await Promise.all(open.splice(0).map((device) => device.dispose()))
})

const modes = [
  { name: 'inline', options: { mode: 'inline' } },
  { name: 'one thread', options: { threads: 1 } },
  { name: 'two threads', options: { threads: 2 } },
] as const

describe.each(modes)('a device, $name', ({ options }) => {
  deviceTests({ backend: () => wasmBackend(options), side })
})

describe('slabs', () => {
  slabTest(() => wasmBackend({ mode: 'inline', maxSlabBytes: 48 }))
})

describe.each([0, 2])('how many threads walk, of %i,', (threads) => {
  test('is learnt from runs that are completed alone', async () => {
    const report = vi.spyOn(ThreadChooser.prototype, 'report')
    const device = await openDevice({ threads }, long())
    const controller = new AbortController()
    const running = device.run('long', ones, { signal: controller.signal })
    controller.abort()
    await expect(running).rejects.toEqual(failure('aborted'))
    expect(report).toHaveBeenCalledTimes(0)
    await device.run('long', ones)
    expect(report).toHaveBeenCalledTimes(threads === 0 ? 0 : 1)
  })
})

describe('what a device refuses', () => {
  test('outputs that are neither f32 nor i32', () => {
    const backend = wasmBackend({ mode: 'inline' })
    const trace = new Trace('doubles')
    trace.output('angles', trace.bind('parameter', 'angles', tensorType('f64', 2, 2)))
    expect(() => backend.measure([trace.finish()])).toThrow(failure('not-supported', '"angles"'))
  })

  test('thread counts that make no sense', () => {
    for (const threads of [-1, 1.5, 65, NaN]) {
      expect(() => wasmBackend({ threads })).toThrow(failure('invalid-argument', 'threads'))
    }
  })

  test('memory sizes that cannot be', () => {
    for (const maxMemoryBytes of [0, -1, NaN, 2 ** 32]) {
      expect(() => wasmBackend({ maxMemoryBytes })).toThrow(failure('invalid-argument', 'maxMemoryBytes'))
    }
  })

  test('scratch that is larger than a memory, before anything is allocated', () => {
    const trace = new Trace('scratch')
    const x = trace.bind('input', 'x', tensorType('f32', 1 << 18))
    trace.output('y', add(scale(x, 2), scale(x, 3)))
    const backend = wasmBackend({ mode: 'inline', maxMemoryBytes: 2 ** 20 })
    expect(() => backend.measure([trace.finish()])).toThrow(failure('out-of-memory', 'does not fit into one memory'))
  })

  test('a tensor that is larger than a memory, by the name of an operation that cannot be cut', () => {
    const trace = new Trace('whole')
    const ids = trace.bind('input', 'ids', tensorType('i32', 1))
    const table = trace.bind('parameter', 'table', tensorType('f32', 5000, 256))
    trace.output('y', embedding(table, ids))
    const backend = wasmBackend({ mode: 'inline', maxMemoryBytes: 2 ** 22 })
    expect(() => backend.measure([trace.finish()])).toThrow(failure('not-supported', 'embedding over slabs'))
  })
})

describe('what is demanded of inputs', () => {
  test('is demanded once, however many layers read them', () => {
    const trace = new Trace('layers')
    const bind = (name: string, ...shape: number[]) => trace.bind('input', name, tensorType('i32', ...shape))
    const [ids, starts] = [bind('ids', 2), bind('starts', 2)]
    const [table, sequences, positions] = [bind('table', 1, 2), bind('sequences', 2), bind('positions', 2)]
    const [keys, values] = ['keys', 'values'].map((name) => trace.bind('state', name, tensorType('f32', 3, 1, 64, 4)))
    if (keys === undefined || values === undefined) throw new Error('defect: no cache')
    let x = embedding(trace.bind('parameter', 'table', tensorType('f32', 8, 4)), ids)
    for (let layer = 0; layer < 3; layer++) {
      const shape = { heads: 1, kvHeads: 1, headSize: 4, window: 0, scale: 1 }
      x = attention(x, x, x, starts, shape)
      x = cachedAttention(x, x, x, { keys, values, pageTable: table, sequences, positions }, shape)
    }
    trace.output('y', x)
    const program = trace.finish()
    const { checks } = lowerProgram(program, planStore([program], Infinity), { wide: false, paired: false })
    expect(checks.map(({ kind }) => kind).toSorted()).toEqual(['pages', 'range', 'starts'])
  })
})

describe('memory', () => {
  test.each(modes)('is given back when a device is disposed of that is kept, $name', async ({ options }) => {
    const { Memory } = WebAssembly
    let buffer: WeakRef<ArrayBufferLike> | undefined
    let device: Device
    try {
      WebAssembly.Memory = function (descriptor: WebAssembly.MemoryDescriptor) {
        const memory = new Memory(descriptor)
        buffer = new WeakRef(memory.buffer)
        return memory
      } as unknown as typeof Memory
      device = await wasmBackend(options).open([small()])
    } finally {
      WebAssembly.Memory = Memory
    }
    await device.run('small', { x: new Float32Array(3) })
    const collected = async (): Promise<boolean> => {
      await new Promise((resolve) => setTimeout(resolve, 0))
      collectGarbage()
      return buffer?.deref() === undefined
    }
    expect(await collected()).toBe(false)
    await device.dispose()
    expect(await collected()).toBe(true)
    expect(device.backend).toBe('wasm')
    expect(() => device.names()).toThrow(failure('invalid-argument', 'disposed'))
  })

  test('is made once, at the size that was measured', async () => {
    const made: WebAssembly.MemoryDescriptor[] = []
    const { Memory } = WebAssembly
    vi.spyOn(WebAssembly, 'Memory').mockImplementation(function (descriptor) {
      made.push(descriptor)
      return new Memory(descriptor)
    })
    const backend = wasmBackend({ threads: 2 })
    const programs = [small(), long()]
    const measured = backend.measure(programs)
    expect(made).toEqual([])
    const device = await openDevice({ threads: 2 }, ...programs)
    expect(made).toEqual([{ initial: measured.total / 65536, maximum: measured.total / 65536, shared: true }])
    expect(device.memory).toEqual(measured)
    expect(measured.parameters + measured.states + measured.scratch).toBe(measured.total)
    expect(measured.states).toBeGreaterThanOrEqual(16)
  })

  /** Five tables of 1.07 GB. */
  function huge(): Program {
    const trace = new Trace('huge')
    const ids = trace.bind('input', 'ids', tensorType('i32', 1))
    for (let part = 0; part < 5; part++) {
      const table = trace.bind('parameter', `table${part}`, tensorType('f32', 1 << 18, 1 << 10))
      trace.output(`y${part}`, embedding(table, ids))
    }
    return trace.finish()
  }

  test('of programs beyond 4 GiB is planned as several, before anything is allocated', () => {
    const { memories, parameters, total } = wasmBackend().measure([huge()])
    expect(parameters).toBe(5 * (2 ** 30 + 64))
    expect(memories).toHaveLength(2)
    expect(memories.every((bytes) => bytes < 2 ** 32)).toBe(true)
    expect(memories.reduce((sum, bytes) => sum + bytes, 0)).toBe(total)
  })

  test.each([true, false])('that is refused is said to be, and none is kept, inline %s', async (inline) => {
    const { Memory } = WebAssembly
    const made: WeakRef<ArrayBufferLike>[] = []
    try {
      WebAssembly.Memory = function (descriptor: WebAssembly.MemoryDescriptor) {
        if (made.length === 2) throw new RangeError('no room')
        const memory = new Memory(descriptor)
        made.push(new WeakRef(memory.buffer))
        return memory
      } as unknown as typeof Memory
      const backend = spreadBackend(3, inline ? { mode: 'inline' } : { threads: 2 })
      const opened = backend.open([layers()])
      await expect(opened).rejects.toEqual(failure('out-of-memory', 'memories, of which number 3 was refused'))
    } finally {
      WebAssembly.Memory = Memory
    }
    expect(made).toHaveLength(2)
    await new Promise((resolve) => setTimeout(resolve, 0))
    collectGarbage()
    expect(made.map((buffer) => buffer.deref())).toEqual([undefined, undefined])
  })

  /** y = x + all parts of the states, each of which becomes twice what it was. */
  function layers(): Program {
    const trace = new Trace('layers')
    let x = trace.bind('input', 'x', tensorType('f32', 100, 300))
    for (let layer = 0; layer < 6; layer++) {
      const state = trace.bind('state', `state${layer}`, tensorType('f32', 100, 300))
      x = add(x, state)
      accumulate(state, state)
    }
    trace.output('y', x)
    return trace.finish()
  }

  test.each(modes)('in several parts is filled, written, read and run as one, $name', async ({ options }) => {
    const [whole, spread] = await Promise.all(
      [wasmBackend(options), spreadBackend(4, { ...options, maxSlabBytes: 24_000 })].map((backend) =>
        backend.open([layers(), small()]),
      ),
    )
    if (whole === undefined || spread === undefined) throw new Error('defect: no devices')
    open.push(whole, spread)
    expect(spread.memory.memories.length).toBeGreaterThanOrEqual(4)
    expect(spread.names()).toEqual(whole.names())
    const random = new Random(1)
    const values = (): Float32Array => Float32Array.from({ length: 30_000 }, () => random.normal())
    for (const device of [whole, spread]) device.write('state', Float32Array.of(1, 2, 3))
    for (let layer = 0; layer < 6; layer++) {
      const written = values()
      if (layer % 2 === 0) for (const device of [whole, spread]) device.write(`state${layer}`, written)
      else {
        const source = new Uint8Array(written.buffer)
        const read = (bytes: Uint8Array, offset: number): void =>
          bytes.set(source.subarray(offset, offset + bytes.length))
        for (const device of [whole, spread]) await device.fill(`state${layer}`, read)
      }
      expect(await spread.read(`state${layer}`)).toEqual(written)
      expect(await spread.readBytes(`state${layer}`)).toEqual(new Uint8Array(written.buffer))
    }
    for (let turn = 0; turn < 3; turn++) {
      const [x, three] = [values(), values().subarray(0, 3)]
      expect(await spread.run('layers', { x })).toEqual(await whole.run('layers', { x }))
      expect(await spread.run('small', { x: three })).toEqual(await whole.run('small', { x: three }))
    }
    for (const name of whole.names()) expect(await spread.read(name)).toEqual(await whole.read(name))
  })
})
