import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { PocketPhiError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import {
  accumulate,
  add,
  attention,
  cachedAttention,
  embedding,
  fill,
  matmul,
  scale,
  Trace,
  type Program,
} from '../../program/index.ts'
import { planStore } from '../../program/plan.ts'
import { tensorType } from '../../program/ops/definition.ts'
import type { Device } from '../backend.ts'
import { wasmBackend } from './index.ts'
import { lowerProgram } from './lowering/index.ts'
import { spreadBackend } from './memories-harness.ts'
import { ThreadChooser } from './threads.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** y = 2 x + state, and the state becomes 7. */
function small(): Program {
  const trace = new Trace('small')
  const state = trace.bind('state', 'state', tensorType('f32', 3))
  trace.output('y', add(scale(trace.bind('input', 'x', tensorType('f32', 3)), 2), state))
  fill(state, 7)
  return trace.finish()
}

/** Enough products for several segments, each of tens of milliseconds. */
function long(): Program {
  const trace = new Trace('long')
  let x = trace.bind('input', 'x', tensorType('f32', 512, 512))
  const count = trace.bind('state', 'count', tensorType('f32', 1))
  for (let turn = 0; turn < 24; turn++) {
    x = scale(matmul(x, x), 1 / 512)
    fill(count, turn + 1)
  }
  trace.output('y', x)
  return trace.finish()
}

const long512 = { x: new Float32Array(512 * 512).fill(1) }

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

const failure = (code: string, text = ''): unknown =>
  expect.objectContaining({ constructor: PocketPhiError, code, message: expect.stringContaining(text) })

const modes = [
  { name: 'inline', options: { mode: 'inline' } },
  { name: 'one thread', options: { threads: 1 } },
  { name: 'two threads', options: { threads: 2 } },
] as const

describe.each(modes)('a device, $name', ({ options }) => {
  test('runs again and again over states that stay', async () => {
    const device = await openDevice(options, small())
    device.write('state', Float32Array.of(1, 2, 3))
    const x = Float32Array.of(1, 1, 1)
    expect(await device.run('small', { x })).toEqual({ y: Float32Array.of(3, 4, 5) })
    expect(await device.read('state')).toEqual(Float32Array.of(7, 7, 7))
    for (let turn = 0; turn < 20; turn++) {
      expect(await device.run('small', { x: x.map(() => turn) })).toEqual({ y: x.map(() => 2 * turn + 7) })
    }
  })

  test('an abort stops it between segments, and it runs again afterwards', async () => {
    const device = await openDevice(options, long())
    const controller = new AbortController()
    const running = device.run('long', long512, { signal: controller.signal })
    controller.abort()
    await expect(running).rejects.toEqual(failure('aborted'))
    const [turns = 0] = await device.read('count')
    expect(turns).toBeGreaterThan(0)
    expect(turns).toBeLessThan(24)
    const { y } = await device.run('long', long512)
    expect(y?.every((value) => value === 1)).toBe(true)
    await expect(device.run('long', long512, { signal: controller.signal })).rejects.toEqual(failure('aborted'))
  })

  test('the event loop has its turn while it runs', async () => {
    const device = await openDevice(options, long())
    let turns = 0
    const timer = setInterval(() => (turns += 1), 1)
    await device.run('long', long512)
    clearInterval(timer)
    expect(turns).toBeGreaterThan(1)
  })

  test('refuses a second run, and everything else that would race with it', async () => {
    const device = await openDevice(options, small(), long())
    const running = device.run('long', long512)
    const refusal = failure('invalid-argument', 'one thing at a time')
    await expect(device.run('small', { x: new Float32Array(3) })).rejects.toEqual(refusal)
    await expect(device.fill('state', () => {})).rejects.toEqual(refusal)
    expect(() => device.write('state', new Float32Array(3))).toThrow(PocketPhiError)
    await expect(device.read('state')).rejects.toThrow(PocketPhiError)
    await running
    await device.run('small', { x: new Float32Array(3) })
  })

  test('a run that is disposed of rejects, and a disposed device refuses', async () => {
    const device = await openDevice(options, long())
    const running = device.run('long', long512)
    const ended = Promise.allSettled([running])
    await device.dispose()
    expect(await ended).toEqual([{ status: 'rejected', reason: failure('aborted') }])
    await expect(device.run('long', long512)).rejects.toEqual(failure('invalid-argument', 'disposed'))
    await expect(device.read('count')).rejects.toThrow(PocketPhiError)
    await device.dispose()
  })
})

describe.each([0, 2])('how many threads walk, of %i,', (threads) => {
  test('is learnt from runs that are completed alone', async () => {
    const report = vi.spyOn(ThreadChooser.prototype, 'report')
    const device = await openDevice({ threads }, long())
    const controller = new AbortController()
    const running = device.run('long', long512, { signal: controller.signal })
    controller.abort()
    await expect(running).rejects.toEqual(failure('aborted'))
    expect(report).toHaveBeenCalledTimes(0)
    await device.run('long', long512)
    expect(report).toHaveBeenCalledTimes(threads === 0 ? 0 : 1)
  })
})

describe('what a device refuses', () => {
  test('programs and tensors by unknown names', async () => {
    const device = await openDevice({ mode: 'inline' }, small())
    await expect(device.run('smal', {})).rejects.toEqual(failure('not-found', 'smal'))
    await expect(device.read('weights')).rejects.toEqual(failure('not-found', 'weights'))
    await expect(device.fill('weights', () => {})).rejects.toEqual(failure('not-found'))
  })

  test('inputs that are missing, of another kind or of another length', async () => {
    const device = await openDevice({ mode: 'inline' }, small())
    await expect(device.run('small', {})).rejects.toEqual(failure('invalid-argument', '"x"'))
    await expect(device.run('small', { x: new Int32Array(3) })).rejects.toEqual(failure('invalid-argument', '"x"'))
    await expect(device.run('small', { x: new Float32Array(4) })).rejects.toEqual(failure('invalid-argument', '"x"'))
  })

  test('values of another length or kind', async () => {
    const trace = new Trace('rows')
    const table = trace.bind('parameter', 'table', tensorType('q4g32', 8, 32))
    trace.output('y', embedding(table, trace.bind('input', 'ids', tensorType('i32', 1))))
    const device = await openDevice({ mode: 'inline' }, small(), trace.finish())
    expect(() => device.write('state', new Float32Array(4))).toThrow(failure('shape', 'state'))
    expect(() => device.write('table', new Float32Array(256))).toThrow(failure('invalid-argument', 'table'))
    await expect(device.read('table')).rejects.toEqual(failure('invalid-argument', 'table'))
    expect((await device.readBytes('table')).length).toBe(32 * 4 + 16)
  })

  test('indices that would reach into other memory', async () => {
    const trace = new Trace('rows')
    const ids = trace.bind('input', 'ids', tensorType('i32', 2))
    const x = embedding(trace.bind('parameter', 'table', tensorType('f32', 8, 4)), ids)
    const starts = trace.bind('input', 'starts', tensorType('i32', 2))
    trace.output('y', attention(x, x, x, starts, { heads: 1, kvHeads: 1, headSize: 4, window: 0, scale: 1 }))
    const device = await openDevice({ mode: 'inline' }, trace.finish())
    const run = (ids0: number, start1: number) =>
      device.run('rows', { ids: Int32Array.of(ids0, 7), starts: Int32Array.of(0, start1) })
    await run(0, -1)
    await expect(run(8, 0)).rejects.toEqual(failure('invalid-argument', '"ids"'))
    await expect(run(-1, 0)).rejects.toEqual(failure('invalid-argument', '"ids"'))
    await expect(run(0, 2)).rejects.toEqual(failure('invalid-argument', '"starts"'))
  })

  test('two programs of one name, and outputs that are neither f32 nor i32', () => {
    const backend = wasmBackend({ mode: 'inline' })
    expect(() => backend.measure([small(), small()])).toThrow(failure('invalid-argument', 'different names'))
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

  test('a tensor in slabs is filled, written and read as one', async () => {
    const trace = new Trace('cut')
    const state = trace.bind('state', 'state', tensorType('f32', 10, 3))
    trace.output('y', scale(state, 2))
    const device = await openDevice({ mode: 'inline', maxSlabBytes: 48 }, trace.finish())
    const values = Float32Array.from({ length: 30 }, (_, index) => index)
    const pieces: number[][] = []
    await device.fill('state', (bytes, offset) => {
      pieces.push([offset, bytes.length])
      bytes.set(new Uint8Array(values.buffer, offset, bytes.length))
    })
    expect(pieces).toEqual([
      [0, 48],
      [48, 48],
      [96, 24],
    ])
    expect(await device.read('state')).toEqual(values)
    device.write(
      'state',
      values.map((value) => value + 1),
    )
    expect(await device.run('cut', {})).toEqual({ y: values.map((value) => 2 * (value + 1)) })
  })
})
