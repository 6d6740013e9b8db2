import type { Program } from '../../program/program.ts'
import type { Backend } from '../backend.ts'
import { gpuTraits, requestDevice } from './adapter.ts'
import { WebGpuDevice } from './device.ts'
import { DeviceFailure } from './failure.ts'
import { planLayout } from './layout.ts'
import { makeResources } from './resources.ts'

export interface WebGpuOptions {
  /** The largest piece that a parameter or state is cut into; what the GPU can bind at once when left out. */
  readonly maxSlabBytes?: number
}

/** A backend that says which GPU it found. */
export interface WebGpuBackend extends Backend {
  /** Vendor, architecture and driver. */
  readonly description: string
  open(programs: readonly Program[]): Promise<WebGpuDevice>
}

/**
 * The backend of places with a GPU: kernels in WGSL, in the browser or in Node with the optional package `webgpu`. Results are the
 * same on one GPU from run to run; they differ in the last bits between GPUs and from the wasm backend.
 *
 * @throws PocketPhiError `not-supported` where there is no WebGPU
 */
export async function webgpuBackend({ maxSlabBytes = Infinity }: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const traits = await gpuTraits()
  const options = { bindingBytes: traits.bindingBytes, maxSlabBytes }
  return {
    name: 'webgpu',
    description: traits.description,
    measure: (programs) => planLayout(programs, options).memory,
    async open(programs) {
      const layout = planLayout(programs, options)
      const device = await requestDevice(traits)
      const failure = new DeviceFailure(device)
      try {
        const resources = await failure.orLost(makeResources(device, layout, traits))
        return new WebGpuDevice(layout, resources, failure, traits.description)
      } catch (error) {
        device.destroy()
        throw error
      }
    },
  }
}
