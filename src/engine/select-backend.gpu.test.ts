/** What becomes of a model that the GPU refuses. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { changedGpu, type GpuChanges } from '../../tests/webgpu/changed-gpu.ts'
import { hasSoftwareGpu } from '../../tests/webgpu/software-gpu.ts'
import { PocketPhiError, type ErrorCode } from '../base/errors.ts'
import { memoryFolder } from '../formats/tree.ts'
import { loadModel, measureModel, type LoadModelOptions } from './load-model.ts'
import { someIds, tinyConfig, tinyFiles, tinyTree } from './tiny-model-harness.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

const options: LoadModelOptions = { context: 64, maxRows: 4 }

/** How often something is called. */
let calls = 0

interface Refusal {
  readonly title: string
  readonly code: ErrorCode
  /** What `chosen` says besides that the GPU refused the model. */
  readonly reason: string
  readonly changes: GpuChanges
}

const refusals: readonly Refusal[] = [
  {
    title: 'a tensor does not fit into a binding',
    code: 'out-of-memory',
    reason: 'too large for this GPU (5120 bytes)',
    changes: { limits: { maxStorageBufferBindingSize: 4096 } },
  },
  {
    title: 'a pool of the cache does not fit into a buffer',
    code: 'not-supported',
    reason: 'cannot run cacheWrite over slabs (',
    changes: { limits: { maxBufferSize: 2048 } },
  },
  {
    title: 'the driver takes no pipeline',
    code: 'not-supported',
    reason: 'does not take the kernel',
    changes: {
      device: () => ({ createComputePipelineAsync: () => Promise.reject(new Error('the compiler gave up')) }),
    },
  },
  {
    title: 'there is no memory when it is opened',
    code: 'out-of-memory',
    reason: 'no room for these programs',
    // More than the driver of the tests gives at once, whatever was asked for.
    changes: {
      device: (native) => ({
        createBuffer: (descriptor: GPUBufferDescriptor) =>
          native.createBuffer(descriptor.label === 'scratch' ? { ...descriptor, size: 2 ** 30 } : descriptor),
      }),
    },
  },
  {
    title: 'there is no memory when weights go up',
    code: 'out-of-memory',
    reason: 'no room for "model.',
    changes: {
      device: (native) => ({
        queue: {
          writeBuffer(...write: Parameters<GPUQueue['writeBuffer']>) {
            native.queue.writeBuffer(...write)
            if (++calls > 4) native.createBuffer({ size: 2 ** 30, usage: 0x80 })
          },
        },
      }),
    },
  },
  {
    title: 'the GPU is lost when weights go up',
    code: 'device-lost',
    reason: 'was lost',
    changes: {
      device: (native) => ({
        queue: {
          onSubmittedWorkDone: () => native.queue.onSubmittedWorkDone(),
          async writeBuffer() {
            if (++calls > 4) native.destroy()
          },
        },
      }),
    },
  },
]

describe.skipIf(!hasSoftwareGpu).each(refusals)('where $title', ({ changes, code, reason }) => {
  test('auto takes wasm and says why', async () => {
    calls = 0
    vi.stubGlobal('navigator', { gpu: changedGpu(changes) })
    await using model = await loadModel(await tinyTree(), options)
    expect(model.backend).toBe('wasm')
    expect(model.execution.chosen).toMatch(/^wasm: the GPU \(example\) refused this model: /)
    expect(model.execution.chosen).toContain(reason)
    await using other = await loadModel(await tinyTree(), { ...options, backend: 'wasm' })
    expect(await model.logits(someIds(7, 1))).toEqual(await other.logits(someIds(7, 1)))
  })

  test('by name it is an error', async () => {
    calls = 0
    vi.stubGlobal('navigator', { gpu: changedGpu(changes) })
    const refusal = expect.objectContaining({ constructor: PocketPhiError, code })
    await expect(loadModel(await tinyTree(), { ...options, backend: 'webgpu' })).rejects.toEqual(refusal)
  })
})

describe.skipIf(!hasSoftwareGpu)('with auto', () => {
  test('a GPU that takes the model runs it', async () => {
    vi.stubGlobal('navigator', { gpu: changedGpu({}) })
    await using model = await loadModel(await tinyTree(), options)
    expect(model.backend).toBe('webgpu')
    expect(model.execution.chosen).toBe('webgpu: there is a GPU (example)')
  })

  test('what is measured is what would run', async () => {
    vi.stubGlobal('navigator', { gpu: changedGpu({ limits: { maxStorageBufferBindingSize: 4096 } }) })
    const onWasm = await measureModel(await tinyTree(), { ...options, backend: 'wasm' })
    expect(await measureModel(await tinyTree(), options)).toEqual(onWasm)
  })

  test('what is wrong with a model is said, and not of the GPU', async () => {
    vi.stubGlobal('navigator', { gpu: changedGpu({}) })
    const config = new TextEncoder().encode(JSON.stringify(tinyConfig({ config: { model_type: 'unheard-of' } })))
    const wrong = memoryFolder(new Map([...(await tinyFiles()), ['config.json', config]]))
    await expect(loadModel(wrong, options)).rejects.toMatchObject({ message: expect.not.stringContaining('GPU') })
  })
})
