/** The script of the page that tests the GPU of a browser: the cases of the operations, and models that are served. */
import { drawCase, drawnKinds, runCase } from '../../../src/backends/op-cases-harness.ts'
import { deviation, runOnReference } from '../../../src/backends/op-results-harness.ts'
import { loadModel, type BackendName } from '../../../src/index.ts'

/** What is wrong with the operations on the GPU of this browser, against the oracle in the same page. */
async function operationFaults(seeds: readonly number[]): Promise<{ faults: string[]; dispatches: number }> {
  const cases = drawnKinds.flatMap((kind) => seeds.map((seed) => drawCase(kind, seed)))
  const { webgpuBackend } = await import('../../../src/backends/webgpu/backend.ts')
  const device = await (await webgpuBackend()).open(cases.map(({ program }) => program))
  const faults: string[] = []
  for (const one of cases) {
    const fault = deviation(await runCase(device, one), await runOnReference(one), one.program)
    if (fault !== undefined) faults.push(`${one.program.name}: ${fault}`)
  }
  await device.dispose()
  return { faults, dispatches: device.dispatches }
}

interface Logits {
  readonly backend: string
  readonly chosen: string | undefined
  readonly logits: readonly number[]
}

/** The logits of a model at an address. */
async function logitsOf(url: string, ids: readonly number[], backend: BackendName): Promise<Logits> {
  const model = await loadModel(url, { backend, exact: true, maxRows: 64 })
  const logits = await model.logits(ids)
  const { backend: name, execution } = model
  await model.dispose()
  return { backend: name, chosen: execution.chosen, logits: [...logits] }
}

const gpuScenarios = { operationFaults, logitsOf }

declare global {
  var gpuScenarios: typeof import('./page.ts').gpuScenarios
}
export { gpuScenarios }
globalThis.gpuScenarios = gpuScenarios
