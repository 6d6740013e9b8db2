import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { nodeModule } from '../../base/platform.ts'
import { present } from '../../base/errors.ts'
import { add, matmul, scale, Trace, type Program } from '../../program/index.ts'
import { tensorType } from '../../program/ops/definition.ts'
import { inlineRunner } from './inline.ts'
import { planLayout, writeArguments, type Layout } from './layout.ts'
import { kernelModule } from './module.ts'
import { WorkerPool } from './pool.ts'
import type { Runner } from './runner.ts'

function chain(length: number): Program {
  const trace = new Trace('chain')
  let x = trace.bind('input', 'x', tensorType('f32', 16))
  for (let step = 0; step < length; step++) x = add(x, x)
  trace.output('y', x)
  return trace.finish()
}

function products(): Program {
  const trace = new Trace('products')
  let x = trace.bind('input', 'x', tensorType('f32', 512, 512))
  for (let turn = 0; turn < 24; turn++) x = scale(matmul(x, x), 1 / 512)
  trace.output('y', x)
  return trace.finish()
}

const threads = 2

const open: Runner[] = []

async function openRunner(layout: Layout, memory: WebAssembly.Memory, inline = false): Promise<Runner> {
  const module = await kernelModule('relaxed', !inline)
  const runner = inline ? inlineRunner(module, memory, layout) : await WorkerPool.open(module, memory, layout, threads)
  open.push(runner)
  return runner
}

function makeMemory({ pages }: Layout, shared: boolean): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared })
}

function plan(program: Program): Layout {
  return planLayout([program], { threads, maxSlabBytes: 2 ** 30, wide: false })
}

afterEach(async () => {
  vi.restoreAllMocks()
  await Promise.all(open.splice(0).map((runner) => runner.dispose()))
})

const lost = (found: string): unknown =>
  expect.objectContaining({ code: 'device-lost', found: expect.stringContaining(found) })

describe.each([{ inline: true }, { inline: false }])('a kernel that traps, inline $inline', ({ inline }) => {
  test('makes this run and every later one reject', async () => {
    const layout = plan(chain(20))
    const memory = makeMemory(layout, !inline)
    writeArguments(layout, memory.buffer)
    const runner = await openRunner(layout, memory, inline)
    runner.begin(0)
    await runner.run(0, 0, 20)
    // An address beyond the memory, in the middle of the plan: threads that are not hurt must not wait for ever.
    const block = present(layout.programs[0]?.blocks[10], 'block')
    new DataView(memory.buffer).setUint32(block, 0xfffffff0, true)
    await expect(runner.run(0, 0, 20)).rejects.toEqual(lost('out of bounds'))
    await expect(runner.run(0, 0, 5)).rejects.toEqual(lost('out of bounds'))
  })
})

test('a worker that dies makes the run reject', async () => {
  const module = present(nodeModule('node:worker_threads'), 'worker threads')
  const { Worker } = module
  const workers: InstanceType<typeof Worker>[] = []
  vi.spyOn(module, 'Worker').mockImplementation(function (url, options) {
    const worker = new Worker(url, options)
    workers.push(worker)
    return worker
  })
  const layout = plan(products())
  const runner = await openRunner(layout, makeMemory(layout, true))
  expect(workers.length).toBe(threads)
  runner.begin(0)
  const running = Promise.allSettled([runner.run(0, 0, layout.programs[0]?.program.steps.length ?? 0)])
  await workers[1]?.terminate()
  expect(await running).toEqual([{ status: 'rejected', reason: lost('exit') }])
  runner.end()
})

test('a process that leaves a device open ends by itself, and one that waits for a run lives', async () => {
  const url = new URL('./index.ts', import.meta.url).href
  const programUrl = new URL('../../program/index.ts', import.meta.url).href
  const script = `
    const { wasmBackend } = await import(${JSON.stringify(url)})
    const { Trace, add } = await import(${JSON.stringify(programUrl)})
    const trace = new Trace('p')
    const x = trace.bind('input', 'x', { dtype: 'f32', shape: [2] })
    trace.output('y', add(x, x))
    const device = await wasmBackend({ threads: 2 }).open([trace.finish()])
    for (let turn = 1; turn < 4; turn++) {
      const { y } = await device.run('p', { x: Float32Array.of(turn, 1) })
      console.log([...y].join(' '))
    }`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  expect(stdout.trim().split('\n')).toEqual(['2 2', '4 2', '6 2'])
})
