import type { Backend, Device, RunInputs } from '../backends/backend.ts'
import { present } from '../base/errors.ts'
import { fillParameters } from '../engine/load.ts'
import type { WeightsFile } from '../engine/weights.ts'
import type { Program } from '../program/program.ts'
import { advanceName, type Stage, type StageParameter } from './stages.ts'

/** Runs one stage after the other on one device, as long as their programs are the same; the weights are those of one stage. */
export class StageDevice {
  readonly #backend: Backend
  readonly #weights: WeightsFile
  readonly #buffers: ReadonlyMap<string, Float64Array>
  #stage: Stage | undefined
  #device: Device | undefined

  constructor(backend: Backend, weights: WeightsFile, buffers: ReadonlyMap<string, Float64Array>) {
    this.#backend = backend
    this.#weights = weights
    this.#buffers = buffers
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#device?.dispose()
  }

  get stage(): Stage {
    return present(this.#stage, 'stage')
  }

  get device(): Device {
    return present(this.#device, 'device')
  }

  /**
   * Opens a stage, unless the programs are open already, and reads its weights from their file.
   * @param more programs to be opened with it
   * @param isRead whether a parameter comes from the file; all do when left out
   * @throws PocketPhiError `aborted`, and what the backend and the file throw
   */
  async enter(
    stage: Stage,
    signal: AbortSignal | undefined,
    more: readonly Program[] = [],
    isRead: (parameter: StageParameter) => boolean = () => true,
  ): Promise<void> {
    if (stage.build !== this.#stage?.build) {
      await this.#device?.dispose()
      this.#device = await this.#backend.open([...stage.programs, ...more])
    }
    this.#stage = stage
    const { device } = this
    const known = new Set(device.names())
    const buffers = new Map([...this.#buffers].filter(([name]) => known.has(name)))
    const own = new Map(stage.parameters.map(({ name, source }) => [source, name]))
    const ownName = (name: string): string => own.get(name) ?? name
    const target: Pick<Device, 'typeOf' | 'fill' | 'write'> = {
      typeOf: (name) => device.typeOf(ownName(name)),
      fill: (name, read) => device.fill(ownName(name), read),
      write: (name, values) => device.write(ownName(name), values),
    }
    const parameters = stage.parameters.filter(isRead).map((parameter) => ({ ...parameter, name: parameter.source }))
    await fillParameters(target, this.#weights, { parameters, buffers }, signal === undefined ? {} : { signal })
  }

  /** What the stage makes of a batch. */
  async advance(inputs: RunInputs, signal: AbortSignal | undefined): Promise<Record<string, Float32Array>> {
    return await this.device.run(advanceName, inputs, signal === undefined ? {} : { signal })
  }
}
