/** Folder after folder on one backend, of which every run is looked at: in Node, or within a page. */
import type { Backend, Device } from '../../src/backends/backend.ts'
import { WebGpuDevice } from '../../src/backends/webgpu/device.ts'
import { selectBackend } from '../../src/engine/select-backend.ts'
import type { Row } from './compare.ts'
import { rowsOf, type FolderOf } from './run-folder.ts'

/** What is computed with; plain data, which can be sent to a page. */
export interface Choice {
  readonly backend: 'ref' | 'wasm' | 'webgpu'
  readonly simd: 'auto' | 'baseline' | 'relaxed'
  readonly wide: boolean
  readonly threads?: number
  /** Weights are changed, see `perturbHead`. */
  readonly perturb: boolean
}

/** What came of a folder. */
export interface Compared {
  readonly rows: readonly Row[]
  /** The backend of all devices that were opened for it. */
  readonly backend: string
  /** Runs of programs, and the kernels that a GPU was given for them. */
  readonly runs: number
  readonly dispatches: number
}

export interface GoldenSession {
  compare(folder: string): Promise<Compared>
  /** Kernels that the GPU was given so far. */
  dispatches(): Promise<number>
}

/** What devices have done. */
interface Work {
  runs: number
  dispatches: number
}

/** @throws PocketPhiError `not-supported` where there is no such backend here */
export async function openSession(
  { backend: name, perturb, ...wasm }: Choice,
  folderOf: FolderOf,
): Promise<GoldenSession> {
  const selected = await selectBackend(name, { wasm: () => wasm })
  if (selected.name !== name) throw new Error(`defect: ${selected.name} is not ${name}`)
  const total: Work = { runs: 0, dispatches: 0 }
  const backend = watched(selected, total)
  return {
    async compare(folder) {
      const before = { ...total }
      const rows = await rowsOf(folderOf, folder, { backend, perturb })
      const [runs, dispatches] = [total.runs - before.runs, total.dispatches - before.dispatches]
      return { rows, backend: backend.name, runs, dispatches }
    },
    dispatches: () => Promise.resolve(total.dispatches),
  }
}

/** Counts what runs, and refuses devices of another backend and runs that give a GPU nothing: then something else has computed. */
export function watched(backend: Backend, work: Work): Backend {
  const dispatchesOf = (device: Device): number => {
    if (device.backend !== backend.name) throw new Error(`defect: a device of ${device.backend}, not ${backend.name}`)
    if (backend.name !== 'webgpu') return 0
    if (!(device instanceof WebGpuDevice)) throw new Error('defect: not a device of a GPU')
    return device.dispatches
  }
  return {
    ...backend,
    async open(programs) {
      const device = await backend.open(programs)
      dispatchesOf(device)
      const run = device.run.bind(device)
      device.run = async (...call) => {
        const before = dispatchesOf(device)
        const outputs = await run(...call)
        const dispatches = dispatchesOf(device) - before
        if (backend.name === 'webgpu' && dispatches === 0) throw new Error(`nothing of "${call[0]}" ran on the GPU`)
        work.runs += 1
        work.dispatches += dispatches
        return outputs
      }
      return device
    },
  }
}
