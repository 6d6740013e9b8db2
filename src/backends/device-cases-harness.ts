/** Test support: what every device has to do, whatever it computes with. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PocketPhiError } from '../base/errors.ts'
import { add, attention, embedding, fill, matmul, scale, Trace, type Program } from '../program/index.ts'
import { tensorType } from '../program/ops/definition.ts'
import type { Backend, Device } from './backend.ts'

/** An error of ours. @param text a part of its message */
export const failure = (code: string, text = ''): unknown =>
  expect.objectContaining({ constructor: PocketPhiError, code, message: expect.stringContaining(text) })

/** y = 2 x + what the state held before, which is then 7 everywhere. */
export function smallProgram(): Program {
  const trace = new Trace('small')
  const state = trace.bind('state', 'state', tensorType('f32', 3))
  trace.output('before', scale(state, 1))
  trace.output('y', add(scale(trace.bind('input', 'x', tensorType('f32', 3)), 2), state))
  fill(state, 7)
  return trace.finish()
}

export const turns = 24

/** Products one after the other, which leave a matrix of ones as it is; `count` is the number of those that have begun. */
export function longProgram(side: number): Program {
  const trace = new Trace('long')
  let x = trace.bind('input', 'x', tensorType('f32', side, side))
  const count = trace.bind('state', 'count', tensorType('f32', 1))
  for (let turn = 0; turn < turns; turn++) {
    fill(count, turn + 1)
    x = scale(matmul(x, x), 1 / side)
  }
  trace.output('y', x)
  return trace.finish()
}

export const onesFor = (side: number): { x: Float32Array } => ({ x: new Float32Array(side * side).fill(1) })

/** Rows of a table, which see each other. */
function rowsProgram(): Program {
  const trace = new Trace('rows')
  const ids = trace.bind('input', 'ids', tensorType('i32', 2))
  const x = embedding(trace.bind('parameter', 'table', tensorType('f32', 8, 4)), ids)
  const starts = trace.bind('input', 'starts', tensorType('i32', 2))
  trace.output('y', attention(x, x, x, starts, { heads: 1, kvHeads: 1, headSize: 4, window: 0, scale: 1 }))
  return trace.finish()
}

/** A row of a table whose elements are no floats. */
function packedProgram(): Program {
  const trace = new Trace('packed')
  const table = trace.bind('parameter', 'table', tensorType('q4g32', 8, 32))
  trace.output('y', embedding(table, trace.bind('input', 'ids', tensorType('i32', 1))))
  return trace.finish()
}

/** What differs between devices. */
export interface DeviceSubject {
  readonly backend: () => Backend | Promise<Backend>
  /** The side of matrices whose `longProgram` takes a run several segments. */
  readonly side: number
  /** A device whose runs are cut into segments as they are where steps take long; of the backend itself when left out. */
  readonly openCut?: (program: Program) => Promise<Device>
}

/** The tests that devices of all backends share. */
export function deviceTests({ backend: make, side, openCut }: DeviceSubject): void {
  const opened: Device[] = []
  const ones = onesFor(side)
  let backend: Backend

  beforeEach(async () => {
    backend = await make()
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((device) => device.dispose()))
  })

  async function open(...programs: readonly Program[]): Promise<Device> {
    const device = await backend.open(programs)
    opened.push(device)
    return device
  }

  async function openLong(): Promise<Device> {
    if (openCut === undefined) return await open(longProgram(side))
    const device = await openCut(longProgram(side))
    opened.push(device)
    return device
  }

  test('runs again and again over states that stay', async () => {
    const device = await open(smallProgram())
    device.write('state', Float32Array.of(1, 2, 3))
    const x = Float32Array.of(1, 1, 1)
    expect(await device.run('small', { x })).toEqual({ before: Float32Array.of(1, 2, 3), y: Float32Array.of(3, 4, 5) })
    expect(await device.read('state')).toEqual(Float32Array.of(7, 7, 7))
    for (let turn = 0; turn < 20; turn++) {
      const y = x.map(() => 2 * turn + 7)
      expect(await device.run('small', { x: x.map(() => turn) })).toEqual({ before: Float32Array.of(7, 7, 7), y })
    }
  })

  test('gives the outputs that are asked for', async () => {
    const device = await open(smallProgram())
    const x = Float32Array.of(1, 2, 3)
    expect(await device.run('small', { x }, { outputs: ['y'] })).toEqual({ y: Float32Array.of(2, 4, 6) })
    expect(await device.run('small', { x }, { outputs: [] })).toEqual({})
    await expect(device.run('small', { x }, { outputs: ['z'] })).rejects.toEqual(failure('not-found', '"z"'))
  })

  test('an abort stops it between segments, and it runs again afterwards', async () => {
    const device = await openLong()
    const controller = new AbortController()
    const running = device.run('long', ones, { signal: controller.signal })
    controller.abort()
    await expect(running).rejects.toEqual(failure('aborted'))
    const [begun = 0] = await device.read('count')
    expect(begun).toBeGreaterThan(0)
    expect(begun).toBeLessThan(turns)
    const { y } = await device.run('long', ones)
    expect(y?.every((value) => Math.abs(value - 1) < 1e-5)).toBe(true)
    await expect(device.run('long', ones, { signal: controller.signal })).rejects.toEqual(failure('aborted'))
  })

  test('the event loop has its turn while it runs', async () => {
    const device = await openLong()
    let count = 0
    const timer = setInterval(() => (count += 1), 1)
    await device.run('long', ones)
    clearInterval(timer)
    expect(count).toBeGreaterThan(1)
  })

  test('refuses a second run, and everything else that would race with it', async () => {
    const device = await open(smallProgram(), longProgram(side))
    const running = device.run('long', ones)
    const refusal = failure('invalid-argument', 'one thing at a time')
    await expect(device.run('small', { x: new Float32Array(3) })).rejects.toEqual(refusal)
    await expect(device.fill('state', () => {})).rejects.toEqual(refusal)
    await expect(device.read('state')).rejects.toEqual(refusal)
    await expect(device.readBytes('state')).rejects.toEqual(refusal)
    expect(() => device.write('state', new Float32Array(3))).toThrow(refusal)
    await running
    await device.run('small', { x: new Float32Array(3) })
  })

  test('refuses what would race with a tensor that is being filled', async () => {
    const device = await open(smallProgram())
    const refusal = failure('invalid-argument', 'one thing at a time')
    const filled = Promise.withResolvers<void>()
    const filling = device.fill('state', async (bytes) => {
      await filled.promise
      bytes.set(new Uint8Array(Float32Array.of(4, 5, 6).buffer))
    })
    expect(() => device.write('state', new Float32Array(3))).toThrow(refusal)
    await expect(device.run('small', { x: new Float32Array(3) })).rejects.toEqual(refusal)
    await expect(device.read('state')).rejects.toEqual(refusal)
    filled.resolve()
    await filling
    expect(await device.read('state')).toEqual(Float32Array.of(4, 5, 6))
  })

  test('a run that is disposed of rejects, and a disposed device refuses', async () => {
    const device = await openLong()
    const running = device.run('long', ones)
    const ended = Promise.allSettled([running])
    await device.dispose()
    expect(await ended).toEqual([{ status: 'rejected', reason: failure('aborted') }])
    await expect(device.run('long', ones)).rejects.toEqual(failure('invalid-argument', 'disposed'))
    await expect(device.read('count')).rejects.toEqual(failure('invalid-argument', 'disposed'))
    expect(() => device.write('count', Float32Array.of(1))).toThrow(failure('invalid-argument', 'disposed'))
    await device.dispose()
  })

  test('refuses programs and tensors by unknown names', async () => {
    const device = await open(smallProgram())
    await expect(device.run('smal', {})).rejects.toEqual(failure('not-found', 'smal'))
    await expect(device.read('weights')).rejects.toEqual(failure('not-found', 'weights'))
    await expect(device.fill('weights', () => {})).rejects.toEqual(failure('not-found', 'weights'))
  })

  test('refuses inputs that are missing, of another kind or of another length', async () => {
    const device = await open(smallProgram())
    await expect(device.run('small', {})).rejects.toEqual(failure('invalid-argument', '"x"'))
    await expect(device.run('small', { x: new Int32Array(3) })).rejects.toEqual(failure('invalid-argument', '"x"'))
    await expect(device.run('small', { x: new Float32Array(4) })).rejects.toEqual(failure('invalid-argument', '"x"'))
  })

  test('refuses values of another length or kind', async () => {
    const device = await open(smallProgram(), packedProgram())
    expect(() => device.write('state', new Float32Array(4))).toThrow(failure('shape', 'state'))
    expect(() => device.write('table', new Float32Array(256))).toThrow(failure('invalid-argument', 'table'))
    await expect(device.read('table')).rejects.toEqual(failure('invalid-argument', 'table'))
    expect((await device.readBytes('table')).length).toBe(32 * 4 + 16)
  })

  test('refuses indices that would reach into other memory', async () => {
    const device = await open(rowsProgram())
    const run = (id: number, start: number) =>
      device.run('rows', { ids: Int32Array.of(id, 7), starts: Int32Array.of(0, start) })
    await run(0, -1)
    await expect(run(8, 0)).rejects.toEqual(failure('invalid-argument', '"ids"'))
    await expect(run(-1, 0)).rejects.toEqual(failure('invalid-argument', '"ids"'))
    await expect(run(0, 2)).rejects.toEqual(failure('invalid-argument', '"starts"'))
  })

  test('refuses two programs of one name', () => {
    expect(() => backend.measure([smallProgram(), smallProgram()])).toThrow(
      failure('invalid-argument', 'different names'),
    )
  })

  test('has the memory that was measured', async () => {
    const programs = [smallProgram(), longProgram(side)]
    const measured = backend.measure(programs)
    const device = await open(...programs)
    expect(device.memory).toEqual(measured)
    expect(measured.parameters + measured.states + measured.scratch).toBe(measured.total)
    expect(measured.states).toBeGreaterThanOrEqual(16)
  })
}

/** A tensor that lies in slabs of at most 48 bytes. */
export function slabTest(make: () => Backend | Promise<Backend>): void {
  test('a tensor in slabs is filled, written and read as one', async () => {
    const trace = new Trace('cut')
    const state = trace.bind('state', 'state', tensorType('f32', 10, 3))
    trace.output('y', scale(state, 2))
    const device = await (await make()).open([trace.finish()])
    try {
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
      const others = values.map((value) => value + 1)
      device.write('state', others)
      expect(await device.run('cut', {})).toEqual({ y: others.map((value) => 2 * value) })
    } finally {
      await device.dispose()
    }
  })
}
