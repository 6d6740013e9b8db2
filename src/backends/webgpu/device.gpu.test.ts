import { afterEach, describe, expect, test } from 'vitest'
import { hasSoftwareGpu } from '../../../tests/webgpu/software-gpu.ts'
import { PocketPhiError } from '../../base/errors.ts'
import { accumulate, embedding, fill, matmul, scale, topK, Trace, type Program } from '../../program/index.ts'
import { tensorType } from '../../program/ops/definition.ts'
import { gpuTraits, requestDevice } from './adapter.ts'
import { WebGpuDevice } from './device.ts'
import { DeviceFailure } from './failure.ts'
import { webgpuBackend } from './backend.ts'
import { planLayout, type Layout } from './layout.ts'
import { makeResources } from './resources.ts'

const opened: WebGpuDevice[] = []

afterEach(async () => {
  for (const device of opened.splice(0)) await device.dispose()
})

const failure = (code: string, text = ''): unknown =>
  expect.objectContaining({ constructor: PocketPhiError, code, message: expect.stringContaining(text) })

/** y = 2 x + what the state held before, which is then 7 everywhere. */
function small(): Program {
  const trace = new Trace('small')
  const x = trace.bind('input', 'x', tensorType('f32', 3))
  const state = trace.bind('state', 'state', tensorType('f32', 3))
  trace.output('before', scale(state, 1))
  trace.output('y', scale(x, 2))
  fill(state, 7)
  return trace.finish()
}

const places = 7

/** `next` is the greatest column of row `ids` of a table; y = 2 x; the state adds up all x. */
function steps(): Program {
  const trace = new Trace('steps')
  const table = trace.bind('parameter', 'table', tensorType('f32', places, places))
  const x = trace.bind('input', 'x', tensorType('f32', 1))
  trace.output('next', topK(embedding(table, trace.bind('input', 'ids', tensorType('i32', 1))), 1).ids)
  trace.output('y', scale(x, 2))
  accumulate(trace.bind('state', 'sum', tensorType('f32', 1)), x)
  return trace.finish()
}

/** After each number below `places` the next, after the last 0. */
const successors = Float32Array.from({ length: places * places }, (_, at) =>
  at % places === (Math.floor(at / places) + 1) % places ? 1 : 0,
)

const turns = 24

/** Products one after the other; `count` is the number of those that have begun. */
function long(): Program {
  const trace = new Trace('long')
  let x = trace.bind('input', 'x', tensorType('f32', 64, 64))
  const count = trace.bind('state', 'count', tensorType('f32', 1))
  for (let turn = 0; turn < turns; turn++) {
    fill(count, turn + 1)
    x = scale(matmul(x, x), 1 / 64)
  }
  trace.output('y', x)
  return trace.finish()
}

const ones = { x: new Float32Array(64 * 64).fill(1) }

async function openDevice(programs: readonly Program[], maxSlabBytes = Infinity): Promise<WebGpuDevice> {
  const device = await (await webgpuBackend({ maxSlabBytes })).open(programs)
  opened.push(device)
  return device
}

/** A submission for every step, as there are where steps take long. */
function stepByStep(layout: Layout): Layout {
  const programs = layout.programs.map((one) => ({
    ...one,
    segments: one.program.steps.map((_, from) => ({ from, to: from + 1 })),
  }))
  return { ...layout, programs }
}

/** A device with what is beneath it. */
async function openBare(...programs: readonly Program[]): Promise<{ device: WebGpuDevice; gpu: GPUDevice }> {
  const traits = await gpuTraits()
  const layout = stepByStep(planLayout(programs, { bindingBytes: traits.bindingBytes, maxSlabBytes: Infinity }))
  const gpu = await requestDevice(traits)
  const device = new WebGpuDevice(layout, await makeResources(gpu, layout, traits), new DeviceFailure(gpu), '')
  opened.push(device)
  return { device, gpu }
}

describe.skipIf(!hasSoftwareGpu)('a device', () => {
  test('runs again and again over states that stay', async () => {
    const device = await openDevice([small()])
    device.write('state', Float32Array.of(1, 2, 3))
    const x = Float32Array.of(1, 1, 1)
    const first = { before: Float32Array.of(1, 2, 3), y: Float32Array.of(2, 2, 2) }
    expect(await device.run('small', { x })).toEqual(first)
    expect(await device.read('state')).toEqual(Float32Array.of(7, 7, 7))
    for (let turn = 0; turn < 20; turn++) {
      const { before, y } = await device.run('small', { x: x.map(() => turn) })
      expect([before, y]).toEqual([Float32Array.of(7, 7, 7), x.map(() => 2 * turn)])
    }
    expect(device.dispatches).toBe(21 * 3)
  })

  test('an abort stops it between submissions, and it runs again afterwards', async () => {
    const { device } = await openBare(long())
    const controller = new AbortController()
    const running = device.run('long', ones, { signal: controller.signal })
    controller.abort()
    await expect(running).rejects.toEqual(failure('aborted'))
    const [count = 0] = await device.read('count')
    expect(count).toBeGreaterThan(0)
    expect(count).toBeLessThan(turns)
    const { y } = await device.run('long', ones)
    expect(y?.every((value) => Math.abs(value - 1) < 1e-5)).toBe(true)
  })

  test('refuses a second run, and everything else that would race with it', async () => {
    const device = await openDevice([small(), long()])
    const running = device.run('long', ones)
    const refusal = failure('invalid-argument', 'one thing at a time')
    await expect(device.run('small', { x: new Float32Array(3) })).rejects.toEqual(refusal)
    await expect(device.fill('state', () => {})).rejects.toEqual(refusal)
    await expect(device.read('state')).rejects.toEqual(refusal)
    expect(() => device.write('state', new Float32Array(3))).toThrow(refusal)
    await running
    await device.run('small', { x: new Float32Array(3) })
  })

  test('a run that is ahead takes what the one before gives, and may be ahead again', async () => {
    const device = await openDevice([steps()])
    device.write('table', successors)
    const run = device.run('steps', { ids: Int32Array.of(3), x: Float32Array.of(0) }, { outputs: ['next'] })
    const results = [run]
    for (let turn = 0; turn < 20; turn++) {
      // Inputs of the run that goes on stay its own.
      const inputs = { ids: Int32Array.of(0), x: Float32Array.of(turn) }
      results.push(device.runAhead('steps', inputs, { ids: 'next' }, { outputs: ['next', 'y'] }))
      await results.at(-2)
    }
    const [first, ...others] = await Promise.all(results)
    expect(first).toEqual({ next: Float32Array.of(4) })
    others.forEach((found, turn) =>
      expect(found).toEqual({ next: Float32Array.of((turn + 5) % places), y: Float32Array.of(2 * turn) }),
    )
    expect(await device.read('sum')).toEqual(Float32Array.of(190))
  })

  test('a run that is ahead ends with what ended the one before', async () => {
    const { device } = await openBare(long(), steps())
    device.write('table', successors)
    const inputs = { ids: Int32Array.of(0), x: Float32Array.of(0) }
    const controller = new AbortController()
    const aborted = device.run('long', ones, { signal: controller.signal })
    const behind = device.runAhead('steps', inputs, {})
    controller.abort()
    expect(await Promise.allSettled([aborted, behind])).toEqual([
      { status: 'rejected', reason: failure('aborted') },
      { status: 'rejected', reason: failure('aborted') },
    ])
    expect(await device.run('steps', inputs)).toMatchObject({ next: Float32Array.of(1) })
  })

  test.each([
    ['is disposed of', 'aborted'],
    ['is lost', 'device-lost'],
  ])('a device that %s ends both runs', async (what, code) => {
    const { device, gpu } = await openBare(long())
    const runs = [device.run('long', ones), device.runAhead('long', ones, { x: 'y' })]
    const ended = Promise.allSettled(runs)
    if (what === 'is lost') gpu.destroy()
    else await device.dispose()
    for (const end of await ended) expect(end).toEqual({ status: 'rejected', reason: failure(code) })
  })

  test('refuses a third run, and everything else that would race with two', async () => {
    const device = await openDevice([long()])
    const runs = [device.run('long', ones), device.runAhead('long', ones, { x: 'y' })]
    const refusal = failure('invalid-argument', 'one thing at a time')
    await expect(device.runAhead('long', ones, { x: 'y' })).rejects.toEqual(refusal)
    await expect(device.run('long', ones)).rejects.toEqual(refusal)
    await expect(device.read('count')).rejects.toEqual(refusal)
    await Promise.all(runs)
    expect(await device.read('count')).toEqual(Float32Array.of(turns))
  })

  test('refuses what cannot follow', async () => {
    const device = await openDevice([steps(), small()])
    const inputs = { ids: Int32Array.of(0), x: Float32Array.of(0) }
    await expect(device.runAhead('steps', inputs, {})).rejects.toEqual(failure('invalid-argument', 'no run'))
    const ahead = async (following: Readonly<Record<string, string>>): Promise<void> => {
      await device.run('steps', inputs)
      await device.runAhead('steps', inputs, following)
    }
    await expect(ahead({ idz: 'next' })).rejects.toEqual(failure('invalid-argument', '"idz"'))
    await expect(ahead({ ids: 'last' })).rejects.toEqual(failure('not-found', '"last"'))
    await expect(ahead({ ids: 'y' })).rejects.toEqual(failure('invalid-argument', '"ids"'))
    await device.run('steps', inputs)
    const short = device.runAhead('small', { x: new Float32Array(3) }, { x: 'y' })
    await expect(short).rejects.toEqual(failure('invalid-argument', '"x"'))
    await expect(device.run('steps', inputs, { outputs: ['z'] })).rejects.toEqual(failure('not-found', '"z"'))
    expect(await device.run('steps', inputs, { outputs: [] })).toEqual({})
  })

  test('a run that is disposed of rejects, and a disposed device refuses', async () => {
    const { device } = await openBare(long())
    const running = device.run('long', ones)
    const ended = Promise.allSettled([running])
    await device.dispose()
    expect(await ended).toEqual([{ status: 'rejected', reason: failure('aborted') }])
    await expect(device.run('long', ones)).rejects.toEqual(failure('invalid-argument', 'disposed'))
    await expect(device.read('count')).rejects.toEqual(failure('invalid-argument', 'disposed'))
    await device.dispose()
  })

  test('that is lost ends what waits for it, and refuses everything afterwards', async () => {
    const { device, gpu } = await openBare(small(), long())
    const running = device.run('long', ones)
    gpu.destroy()
    await expect(running).rejects.toEqual(failure('device-lost', 'The GPU was lost'))
    await expect(device.run('small', { x: new Float32Array(3) })).rejects.toEqual(failure('device-lost'))
    await expect(device.read('state')).rejects.toEqual(failure('device-lost'))
    expect(() => device.write('state', new Float32Array(3))).toThrow(failure('device-lost'))
  })

  test('tells what the GPU refused', async () => {
    const { device, gpu } = await openBare(small())
    gpu.createBuffer({ label: 'nobody uses it so', size: 4, usage: 0x80 | 1 })
    const run = async (): Promise<unknown> => {
      for (;;) await device.run('small', { x: new Float32Array(3) })
    }
    await expect(run()).rejects.toEqual(failure('device-lost', 'The GPU refused a command'))
  })

  test('is not opened where there is no memory for it', async () => {
    const trace = new Trace('huge')
    const states = ['one', 'two'].map((name) => trace.bind('state', name, tensorType('f32', 2 ** 28)))
    states.forEach((state, index) => trace.output(`y${index}`, scale(state, 1)))
    await expect(openDevice([trace.finish()])).rejects.toEqual(failure('out-of-memory', 'no room for these programs'))
  })

  test('a tensor in slabs is filled, written and read as one', async () => {
    const trace = new Trace('cut')
    const state = trace.bind('state', 'state', tensorType('f32', 10, 3))
    trace.output('y', scale(state, 2))
    const device = await openDevice([trace.finish()], 48)
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

  test('refuses unknown names, inputs that do not fit, and indices out of range', async () => {
    const trace = new Trace('rows')
    const table = trace.bind('parameter', 'table', tensorType('f32', 8, 4))
    trace.output('y', embedding(table, trace.bind('input', 'ids', tensorType('i32', 2))))
    const device = await openDevice([small(), trace.finish()])
    await expect(device.run('smal', {})).rejects.toEqual(failure('not-found', 'smal'))
    await expect(device.read('weights')).rejects.toEqual(failure('not-found', 'weights'))
    await expect(device.run('small', {})).rejects.toEqual(failure('invalid-argument', '"x"'))
    await expect(device.run('small', { x: new Int32Array(3) })).rejects.toEqual(failure('invalid-argument', '"x"'))
    await expect(device.run('rows', { ids: Int32Array.of(1, 8) })).rejects.toEqual(failure('invalid-argument', '"ids"'))
  })

  test('has the memory that was measured', async () => {
    const backend = await webgpuBackend()
    const measured = backend.measure([small(), long()])
    const device = await openDevice([small(), long()])
    expect(device.memory).toEqual(measured)
    expect(measured.parameters + measured.states + measured.scratch).toBe(measured.total)
    expect(measured.states).toBe(16)
  })
})
