import { afterEach, describe, expect, test } from 'vitest'
import { hasSoftwareGpu } from '../../../tests/webgpu/software-gpu.ts'
import { accumulate, embedding, scale, topK, Trace, type Program } from '../../program/index.ts'
import { tensorType } from '../../program/ops/definition.ts'
import { deviceTests, failure, longProgram, onesFor, slabTest, smallProgram, turns } from '../device-cases-harness.ts'
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

const side = 64
const small = smallProgram
const long = (): Program => longProgram(side)
const ones = onesFor(side)

async function openDevice(programs: readonly Program[]): Promise<WebGpuDevice> {
  const device = await (await webgpuBackend()).open(programs)
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
  deviceTests({ backend: () => webgpuBackend(), side, openCut: async (program) => (await openBare(program)).device })
  slabTest(() => webgpuBackend({ maxSlabBytes: 48 }))

  test('gives the GPU every step of a program', async () => {
    const traits = await gpuTraits()
    const layout = planLayout([small()], { bindingBytes: traits.bindingBytes, maxSlabBytes: Infinity })
    const count = layout.programs[0]?.program.steps.length ?? 0
    expect(count).toBeGreaterThan(1)
    const device = await openDevice([small()])
    for (let turn = 1; turn <= 3; turn++) {
      await device.run('small', { x: new Float32Array(3) })
      expect(device.dispatches).toBe(turn * count)
    }
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

  test.each([
    ['is filled', (device) => device.fill('sum', (bytes) => bytes.set(new Uint8Array(Float32Array.of(100).buffer)))],
    ['is read', (device) => device.read('sum')],
  ] satisfies [string, (device: WebGpuDevice) => Promise<unknown>][])(
    'a tensor %s when a run has ended that was ahead and that nobody waits for',
    async (title, use) => {
      const { device } = await openBare(steps(), long())
      device.write('table', successors)
      await device.run('steps', { ids: Int32Array.of(0), x: Float32Array.of(1) })
      const ended: string[] = []
      const left = device.runAhead('long', ones, {}).then(() => ended.push('run'))
      const used = use(device).then(() => ended.push('use'))
      const refusal = failure('invalid-argument', 'one thing at a time')
      await expect(device.fill('count', () => {})).rejects.toEqual(refusal)
      await expect(device.runAhead('long', ones, {})).rejects.toEqual(refusal)
      await Promise.all([left, used])
      expect(ended).toEqual(['run', 'use'])
      await device.run('steps', { ids: Int32Array.of(0), x: Float32Array.of(1) })
      expect(await device.read('sum')).toEqual(Float32Array.of(title === 'is filled' ? 101 : 2))
    },
  )

  test('nothing waits for a run that is ahead in a device that is disposed of', async () => {
    const { device } = await openBare(long())
    await device.run('long', ones)
    const ended = Promise.allSettled([device.runAhead('long', ones, {}), device.fill('count', () => {})])
    await device.dispose()
    expect(await ended).toEqual([
      { status: 'rejected', reason: failure('aborted') },
      { status: 'rejected', reason: failure('aborted') },
    ])
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
})
