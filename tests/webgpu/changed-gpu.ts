/** The GPU of the tests, which claims to be another or refuses what a test says: as WebGPU gives it to a page. */
import { createRequire } from 'node:module'

/** What is found instead of the properties of an object of WebGPU. */
type Changes = Readonly<Record<PropertyKey, unknown>>

/** Objects of WebGPU are native: their methods know no other object in their place. */
function changed<T extends object>(native: T, changes: Changes): T {
  return new Proxy(native, {
    get(target, key) {
      if (Object.hasOwn(changes, key)) return changes[key]
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

export interface GpuChanges {
  /** Limits that the adapter says it has. */
  readonly limits?: Changes
  /** Features that the adapter says it has, beside its own; they are not asked of it. */
  readonly features?: readonly GPUFeatureName[]
  readonly device?: (native: GPUDevice) => Changes
}

/**
 * Dawn with the GPU of the tests, whose adapter says that it is hardware; or, with the backend `null`, with one that has every feature, checks
 * what it is told, kernels among it, and does nothing.
 */
export function changedGpu({ limits = {}, features = [], device }: GpuChanges, backend?: 'null'): GPU {
  const dawn = createRequire(import.meta.url)('webgpu') as { create(options: readonly string[]): GPU }
  const gpu = dawn.create(backend === undefined ? [] : [`backend=${backend}`])
  const requestAdapter = async (wanted: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    const native = await gpu.requestAdapter(wanted)
    return native === null ? null : changedAdapter(native)
  }
  const changedAdapter = (native: GPUAdapter): GPUAdapter =>
    changed(native, {
      info: { vendor: 'example', architecture: '', description: '', isFallbackAdapter: false },
      limits: changed(native.limits, limits),
      features: new Set([...native.features, ...features]),
      async requestDevice(descriptor: GPUDeviceDescriptor) {
        const requiredFeatures = [...(descriptor.requiredFeatures ?? [])].filter((one) => native.features.has(one))
        const made = await native.requestDevice({ ...descriptor, requiredFeatures })
        return changed(made, device?.(made) ?? {})
      },
    })
  return changed(gpu, { requestAdapter })
}
