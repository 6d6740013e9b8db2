import { afterEach, expect, test, vi } from 'vitest'
import { add, matmul, Trace, type Program } from '../../program/index.ts'
import { tensorType } from '../../program/ops/definition.ts'
import type { ProgramProfile } from '../backend.ts'
import { wasmBackend } from './index.ts'
import { planLayout } from './layout.ts'
import { spreadBackend } from './memories-harness.ts'
import { Profiler } from './profiler.ts'
import { timed } from './timed.ts'

const inputs = { x: new Float32Array(64 * 64).fill(1 / 64) }

/** Products with sums between them, each of which waits for the one before. */
function chain(name: string, turns: number, size = 64): Program {
  const trace = new Trace(name)
  const input = trace.bind('input', 'x', tensorType('f32', size, size))
  let x = input
  for (let turn = 0; turn < turns; turn++) {
    const weight = trace.bind('parameter', `weight ${turn}`, tensorType('f32', size, size))
    x = add(matmul(x, weight), input)
  }
  trace.output('y', x)
  return trace.finish()
}

const layoutOptions = { threads: 2, maxSlabBytes: 2 ** 30, wide: false }

function expectWhole({ kernels, barriers, dispatch, milliseconds }: ProgramProfile): void {
  const parts = [...kernels, barriers, dispatch].map((entry) => entry.milliseconds)
  expect(parts.reduce((sum, part) => sum + part, 0)).toBeCloseTo(milliseconds, 9)
  for (const part of parts) expect(part).toBeGreaterThan(-1e-9)
}

afterEach(() => vi.restoreAllMocks())

test.each([0, 1, 2])(
  'with %i threads every kernel of a plan is there, and the parts are the whole',
  async (threads) => {
    const programs = [chain('three', 3), chain('one', 1), chain('never', 2)]
    const device = await wasmBackend({ threads, profile: true }).open(programs)
    try {
      for (const name of ['three', 'one', 'three']) await device.run(name, inputs)
      const profiles = device.takeProfiles()
      expect(profiles.map(({ program, runs }) => [program, runs])).toEqual([
        ['three', 2],
        ['one', 1],
      ])
      const calls = profiles.map(({ kernels }) => Object.fromEntries(kernels.map((entry) => [entry.name, entry.calls])))
      expect(calls).toEqual([
        { matmul: 6, add: 6 },
        { matmul: 1, add: 1 },
      ])
      expect(profiles.map(({ barriers, dispatch }) => [barriers.calls, dispatch.calls])).toEqual([
        [10, 2],
        [1, 1],
      ])
      for (const profile of profiles) {
        expectWhole(profile)
        expect(profile.threads).toBe(Math.max(1, threads))
      }
      expect(device.takeProfiles()).toEqual([])
    } finally {
      await device.dispose()
    }
  },
)

test('without being asked for there is none', async () => {
  const device = await wasmBackend({ threads: 1 }).open([chain('one', 1)])
  await device.run('one', inputs)
  expect(device.takeProfiles()).toEqual([])
  await device.dispose()
})

test('kernels of all memories count as one, and copies between them are there', async () => {
  const device = await spreadBackend(2, { threads: 2, profile: true }).open([chain('three', 3, 512)])
  await device.run('three', { x: new Float32Array(512 * 512) })
  const [profile] = device.takeProfiles()
  const calls = Object.fromEntries(profile?.kernels.map((entry) => [entry.name, entry.calls]) ?? [])
  expect(calls).toEqual({ matmul: 3, add: 3, copyBetweenMemories: expect.any(Number) })
  await device.dispose()
})

test('what threads do at the same time counts once; for whom the others wait is time at barriers', () => {
  const clock = vi.spyOn(performance, 'now')
  const layout = planLayout([chain('one', 1)], layoutOptions)
  const profiler = new Profiler(layout, ['add', 'matmul'], 2)
  /** A thread that calls a kernel at each of these times. */
  const walk = (thread: number, spans: readonly (readonly [kernel: number, begin: number, end: number])[]): void => {
    for (const [kernel, begin, end] of spans) {
      clock.mockReturnValueOnce(begin).mockReturnValueOnce(end)
      timed(() => {}, kernel, profiler.times[thread] ?? new Float64Array())(0, thread, 2)
    }
  }
  clock.mockReturnValueOnce(100)
  profiler.begin(0)
  // The clocks of threads began at other times.
  walk(0, [
    [1, 7, 10],
    [0, 10, 11],
  ])
  walk(1, [
    [1, 1007, 1008],
    [0, 1010, 1011],
  ])
  profiler.segmentEnded(0, 2)
  clock.mockReturnValueOnce(110)
  profiler.end()
  expect(profiler.take()).toEqual([
    {
      program: 'one',
      runs: 1,
      milliseconds: 10,
      threads: 2,
      kernels: [
        { name: 'matmul', calls: 1, milliseconds: 2 },
        { name: 'add', calls: 1, milliseconds: 1 },
      ],
      barriers: { name: 'barriers', calls: 1, milliseconds: 1 },
      dispatch: { name: 'dispatch', calls: 1, milliseconds: 6 },
    },
  ])
  expect(profiler.times.every((times) => times.every((value) => value === 0))).toBe(true)
})

test('a run that is aborted counts with what it came to', async () => {
  const device = await wasmBackend({ threads: 2, profile: true }).open([chain('three', 3)])
  const controller = new AbortController()
  const run = device.run('three', inputs, { signal: controller.signal })
  controller.abort()
  await run.catch(() => {})
  for (const profile of device.takeProfiles()) expectWhole(profile)
  await device.dispose()
})
