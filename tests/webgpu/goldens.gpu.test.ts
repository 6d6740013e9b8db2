/** What the comparison with goldens refuses to have compared. */
import { describe, expect, it } from 'vitest'
import { watched } from '../../scripts/goldens/session.ts'
import { drawCase, runCase } from '../../src/backends/op-cases-harness.ts'
import { referenceBackend } from '../../src/backends/ref/index.ts'
import { webgpuBackend } from '../../src/backends/webgpu/backend.ts'
import { hasSoftwareGpu } from './software-gpu.ts'

const product = drawCase('matmul', 0)
/** Made by the caller's thread. */
const angles = drawCase('ropeTable', 0)

describe.skipIf(!hasSoftwareGpu)('the runs of goldens', () => {
  it('are counted with the kernels that the GPU was given', async () => {
    const work = { runs: 0, dispatches: 0 }
    const device = await watched(await webgpuBackend(), work).open([product.program])
    for (let turn = 0; turn < 2; turn++) await runCase(device, product)
    await device.dispose()
    expect(work.runs).toBe(2)
    expect(work.dispatches).toBeGreaterThanOrEqual(2)
  })

  it('are refused where the GPU was given nothing', async () => {
    const device = await watched(await webgpuBackend(), { runs: 0, dispatches: 0 }).open([angles.program])
    await expect(runCase(device, angles)).rejects.toThrow('ran on the GPU')
    await device.dispose()
  })

  it('are refused on a device of another backend', async () => {
    const disguised = { ...referenceBackend(), name: 'webgpu' }
    const opened = watched(disguised, { runs: 0, dispatches: 0 }).open([product.program])
    await expect(opened).rejects.toThrow('a device of ref')
  })
})
