import { PocketPhiError } from '../../base/errors.ts'
import type { Program } from '../../program/program.ts'
import type { Backend } from '../backend.ts'
import { gpuTraits, requestDevice, type GpuTraits } from './adapter.ts'
import { WebGpuDevice } from './device.ts'
import { DeviceFailure } from './failure.ts'
import { planLayout } from './layout.ts'
import { makeResources } from './resources.ts'
import type { Arithmetic } from './steps.ts'

export interface WebGpuOptions {
  /** The largest piece that a parameter or state is cut into; what the GPU can bind at once when left out. */
  readonly maxSlabBytes?: number
  /**
   * `f16` multiplies in f16 in attention over an f16 cache, and in products of prompts with the blocks of GGUF files that take no int8 activations;
   * sums stay f32, but for those of four products. It takes a GPU with the feature `shader-f16`. f32 when left out.
   */
  readonly arithmetic?: Arithmetic
}

/** A backend that says which GPU it found. */
export interface WebGpuBackend extends Backend {
  /** Vendor, architecture and driver. */
  readonly description: string
  open(programs: readonly Program[]): Promise<WebGpuDevice>
}

function checkHalves({ features, description }: GpuTraits): void {
  if (features.includes('shader-f16')) return
  throw new PocketPhiError('not-supported', 'This GPU does not compute in f16.', {
    expected: 'an adapter with the feature "shader-f16"',
    found: `${description} without it`,
    remedy: 'Leave the arithmetic at f32.',
  })
}

/**
 * The backend of places with a GPU: kernels in WGSL, in the browser or in Node with the optional package `webgpu`. Results are the
 * same on one GPU from run to run; they differ in the last bits between GPUs and from the wasm backend.
 *
 * @throws PocketPhiError `not-supported` where there is no WebGPU, or where the GPU has no f16 and it is asked for
 */
export async function webgpuBackend(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const { maxSlabBytes = Infinity, arithmetic = 'f32' } = options
  const traits = await gpuTraits()
  if (arithmetic === 'f16') checkHalves(traits)
  const layoutOptions = { bindingBytes: traits.bindingBytes, maxSlabBytes, arithmetic }
  return {
    name: 'webgpu',
    description: traits.description,
    measure: (programs) => planLayout(programs, layoutOptions).memory,
    async open(programs) {
      const layout = planLayout(programs, layoutOptions)
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
