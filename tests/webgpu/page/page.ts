/** The script of the page that tests the GPU of a browser: the cases of the operations, folders of goldens, and which backend is chosen. */
import { openSession, type Choice, type Compared, type GoldenSession } from '../../../scripts/goldens/session.ts'
import { operationFaults, type OperationFaults } from '../../../src/backends/webgpu/operations-harness.ts'
import { loadModel } from '../../../src/index.ts'
import { httpFolder } from '../../../src/formats/tree.ts'

/** What computes the logits of a model at an address where nothing is asked for, and why. */
async function answeringBackend(url: string, ids: readonly number[]): Promise<{ backend: string; chosen?: string }> {
  const model = await loadModel(url, { backend: 'auto', maxRows: 64 })
  await model.logits(ids)
  const { backend, execution } = model
  await model.dispose()
  return { backend, ...(execution.chosen === undefined ? {} : { chosen: execution.chosen }) }
}

let goldens: GoldenSession | undefined

function openedGoldens(): GoldenSession {
  if (goldens === undefined) throw new Error('defect: no goldens are open')
  return goldens
}

/** @param files what there is below ../goldens/, with the names of the folders */
async function openGoldens(choice: Choice, files: readonly string[]): Promise<void> {
  goldens = await openSession(choice, (folder) => {
    const prefix = `${folder}/`
    const names = files.filter((file) => file.startsWith(prefix)).map((file) => file.slice(prefix.length))
    return httpFolder(new URL(`../goldens/${folder}`, location.href).href, { files: names })
  })
}

const gpuScenarios = {
  operationFaults: (kind: string, most: number): Promise<OperationFaults> => operationFaults(kind, { most }),
  answeringBackend,
  openGoldens,
  compareFolder: (folder: string): Promise<Compared> => openedGoldens().compare(folder),
  goldenDispatches: (): Promise<number> => openedGoldens().dispatches(),
}

declare global {
  var gpuScenarios: typeof import('./page.ts').gpuScenarios
}
export { gpuScenarios }
globalThis.gpuScenarios = gpuScenarios
