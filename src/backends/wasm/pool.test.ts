import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'vite'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { nodeModule } from '../../base/platform.ts'
import { present } from '../../base/errors.ts'
import { add, matmul, scale, Trace, type Program } from '../../program/index.ts'
import { tensorType } from '../../program/ops/definition.ts'
import { inlineRunner } from './inline.ts'
import { planLayout, writeArguments, type Layout } from './layout.ts'
import { kernelModule } from './module.ts'
import { nodeWorkerUrl, WorkerPool } from './pool.ts'
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
  const runner = inline
    ? inlineRunner(module, [memory], layout)
    : await WorkerPool.open(module, [memory], layout, threads)
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
  runner.end(false, 0)
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

describe('in a bundle', () => {
  const refusal = expect.objectContaining({
    code: 'not-supported',
    remedy: expect.stringMatching(/external.*threads: 0/),
  })

  test('the file of the workers is that of the package, or none', () => {
    expect(nodeWorkerUrl('file:///a/dist/backends/wasm/pool.js').href).toBe('file:///a/dist/backends/wasm/worker.js')
    expect(nodeWorkerUrl('file:///a/src/backends/wasm/pool.ts').href).toBe('file:///a/src/backends/wasm/worker.ts')
    for (const other of ['file:///a/app.mjs', 'file:///a/pool.js', 'file:///a/whirlpool.js', undefined]) {
      expect(() => nodeWorkerUrl(other)).toThrow(refusal)
    }
  })

  test('a program in one file is told so, and does not start itself as its worker', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'pocket-phi-bundle-'))
    try {
      const address = (relative: string): string => JSON.stringify(fileURLToPath(new URL(relative, import.meta.url)))
      await writeFile(
        path.join(folder, 'app.js'),
        `import { wasmBackend } from ${address('./index.ts')}
         import { Trace, add } from ${address('../../program/index.ts')}
         const trace = new Trace('p')
         const x = trace.bind('input', 'x', { dtype: 'f32', shape: [2] })
         trace.output('y', add(x, x))
         console.log('the program starts')
         await wasmBackend({ threads: 2 }).open([trace.finish()]).catch((error) => console.log(error.code))`,
      )
      const rolldownOptions = { output: { entryFileNames: 'bundle.mjs', codeSplitting: false } }
      await build({
        root: folder,
        configFile: false,
        logLevel: 'silent',
        ssr: { noExternal: true },
        build: { ssr: 'app.js', outDir: folder, emptyOutDir: false, rolldownOptions },
      })
      await cp(fileURLToPath(new URL('./build', import.meta.url)), path.join(folder, 'build'), { recursive: true })
      const { stdout } = await promisify(execFile)(process.execPath, [path.join(folder, 'bundle.mjs')], {
        timeout: 30_000,
      })
      expect(stdout.trim().split('\n')).toEqual(['the program starts', 'not-supported'])
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('a file that was taken for our worker opens no threads of its own', async () => {
    const script = `
      const { wasmBackend } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)})
      await wasmBackend({ threads: 1 }).open([]).catch(({ code }) => parentPort.postMessage(code))`
    const { Worker } = present(nodeModule('node:worker_threads'), 'worker threads')
    const prelude = `const { parentPort } = await import('node:worker_threads')\n`
    const source = new URL(`data:text/javascript,${encodeURIComponent(prelude + script)}`)
    const worker = new Worker(source, { workerData: 'pocket-phi' })
    const [code] = await once(worker, 'message')
    await worker.terminate()
    expect(code).toBe('not-supported')
  })
})
