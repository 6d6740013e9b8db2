/** Test support: a device that runs ahead, in the oracle. */
import type { Backend, Device, RunInputs, RunOptions, RunOutputs } from '../backends/backend.ts'
import { referenceBackend } from '../backends/ref/index.ts'
import { present } from '../base/errors.ts'
import { nextTurn } from '../base/turn.ts'
import { loadModel } from './load-model.ts'
import { tinyTree, type TinyOptions } from './tiny-model-harness.ts'

/** What a device was asked for, in order. */
export interface RunLog {
  readonly names: string[]
  /** Runs that go on. */
  open: number
  mostOpen: number
  /** The run with this number fails; of a device that runs ahead, the run ahead. */
  failing?: number
}

/** A backend whose runs may be enqueued one behind the other, as those of a GPU are. */
export function enqueueing(backend: Backend, log: RunLog): Backend {
  return { ...backend, open: async (programs) => enqueueingDevice(await backend.open(programs), log) }
}

function enqueueingDevice(device: Device, log: RunLog): Device {
  let latest: Promise<RunOutputs> = Promise.resolve({})
  let ahead = 0
  const start = (name: string, most: number, { outputs }: RunOptions, run: () => Promise<RunOutputs>) => {
    if (log.open > most) throw new Error(`${log.open} runs go on already`)
    log.names.push(name)
    log.mostOpen = Math.max(log.mostOpen, ++log.open)
    latest = run().finally(() => log.open--)
    return latest.then((all) =>
      Object.fromEntries(Object.entries(all).filter(([output]) => outputs?.includes(output) !== false)),
    )
  }
  return {
    ...device,
    run: async (name, inputs, { signal, ...options } = {}) =>
      await start(name, 0, options, () => device.run(name, inputs, signal === undefined ? {} : { signal })),
    runAhead: async (name, inputs, following, options = {}) => {
      const before = latest
      return await start(`${name} ahead`, 1, options, async () => {
        const outputs = await before
        if (++ahead === log.failing) throw new Error('the run ahead failed')
        return await device.run(name, replaced(inputs, following, outputs))
      })
    },
  }
}

function replaced(inputs: RunInputs, following: Readonly<Record<string, string>>, outputs: RunOutputs): RunInputs {
  const entries = Object.entries(following).map(([input, output]) => {
    const { length } = present(inputs[input], input)
    return [input, Int32Array.from(present(outputs[output], output).subarray(0, length))] as const
  })
  return { ...inputs, ...Object.fromEntries(entries) }
}

/** A backend that computes beside the caller's thread, as threads do: what is asked for is in the log before any of it is computed. */
export function aside(backend: Backend, log: RunLog): Backend {
  return {
    ...backend,
    open: async (programs) => {
      const device = await backend.open(programs)
      const run: Device['run'] = async (name, inputs, options) => {
        log.names.push(name)
        await nextTurn()
        if (log.names.length === log.failing) throw new Error('the run failed')
        return await device.run(name, inputs, options)
      }
      return { ...device, execution: { threads: 1 }, run }
    },
  }
}

/** A model on a device that logs what it is asked for, and the same on the plain one. */
export async function modelsToCompare(
  logging: (backend: Backend, log: RunLog) => Backend,
  tiny: TinyOptions = {},
  maxSequences = 1,
) {
  const log: RunLog = { names: [], open: 0, mostOpen: 0 }
  const options = { maxRows: 16, maxSequences, exact: true }
  const [logged, plain] = await Promise.all([
    loadModel(await tinyTree(tiny), { ...options, backend: logging(referenceBackend(), log) }),
    loadModel(await tinyTree(tiny), { ...options, backend: referenceBackend() }),
  ])
  return { logged, plain, log }
}
