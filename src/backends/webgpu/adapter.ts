/** Finds the GPU: the browser's, or in Node that of the optional package `webgpu`. */
import { PocketPhiError } from '../../base/errors.ts'
import { hasNativeLibrary, nodeModule, nodePlatform } from '../../base/platform.ts'
import type { Dialect } from './kernel.ts'

/** What the backend has to know of a GPU before it plans. */
export interface GpuTraits extends Dialect {
  /** Vendor, architecture and driver, for people to see. */
  readonly description: string
  /** The largest buffer that a kernel sees at once. */
  readonly bindingBytes: number
  readonly bufferBytes: number
  /** Whether the processor plays the GPU. */
  readonly isSoftware: boolean
  /** What kernels may ask for that not every GPU has. */
  readonly features: readonly GPUFeatureName[]
}

/** The part of the package `webgpu` that is used. */
interface DawnPackage {
  create(options: readonly string[]): GPU
}

let dawn: GPU | undefined

/** What Dawn reaches GPUs through on Linux. */
const vulkan = 'libvulkan.so.1'

function loadDawn(): GPU {
  const modules = nodeModule('node:module')
  if (modules === undefined) {
    throw noWebGpu('no navigator.gpu', 'Use a browser with WebGPU, or the wasm backend.')
  }
  // Without it Dawn would say so itself, past every handler of errors.
  if (nodePlatform() === 'linux' && !hasNativeLibrary(vulkan)) {
    throw noWebGpu(`no ${vulkan}`, 'Install the Vulkan driver of the GPU, or use the wasm backend.')
  }
  try {
    // By a way that no bundler follows: the package is an optional peer, 21 MB of native code.
    const dawnPackage = modules.createRequire(import.meta.url)('webgpu') as DawnPackage
    return dawnPackage.create([])
  } catch (cause) {
    const found = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)
    throw noWebGpu(found, 'Install the optional package: npm install webgpu. Or use the wasm backend.', cause)
  }
}

function noWebGpu(found: string, remedy: string, cause?: unknown): PocketPhiError {
  const expected = 'navigator.gpu, or in Node the package "webgpu"'
  return new PocketPhiError('not-supported', 'There is no WebGPU here.', { expected, found, remedy, cause })
}

function gpuOfPlatform(): GPU {
  const browser = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu
  if (browser !== undefined) return browser
  dawn ??= loadDawn()
  return dawn
}

async function requestAdapter(gpu: GPU): Promise<GPUAdapter> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter !== null) return adapter
  throw new PocketPhiError('not-supported', 'WebGPU has no adapter here.', {
    expected: 'a GPU with a driver that Vulkan, Metal or Direct3D 12 can use',
    remedy: 'Update the driver, or use the wasm backend.',
  })
}

const usedFeatures: readonly GPUFeatureName[] = ['shader-f16']

/**
 * What the GPU of this place is.
 * @throws PocketPhiError `not-supported` where there is none
 */
export async function gpuTraits(): Promise<GpuTraits> {
  const gpu = gpuOfPlatform()
  const { info, limits, features } = await requestAdapter(gpu)
  const parts = [info.vendor, info.architecture, info.description].filter((part) => part !== '')
  return {
    description: parts.length === 0 ? 'an unnamed GPU' : parts.join(' '),
    bindingBytes: Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize),
    bufferBytes: limits.maxBufferSize,
    packedProducts: gpu.wgslLanguageFeatures.has('packed_4x8_integer_dot_product'),
    isSoftware: info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|basic render/i.test(parts.join(' ')),
    features: usedFeatures.filter((feature) => features.has(feature)),
  }
}

/**
 * A device of its own, since each is lost and destroyed by itself. It grants what the traits say.
 * @throws PocketPhiError `not-supported`
 */
export async function requestDevice(traits: GpuTraits): Promise<GPUDevice> {
  const adapter = await requestAdapter(gpuOfPlatform())
  try {
    return await adapter.requestDevice({
      label: 'pocket-phi',
      requiredFeatures: [...traits.features],
      requiredLimits: { maxStorageBufferBindingSize: traits.bindingBytes, maxBufferSize: traits.bufferBytes },
    })
  } catch (cause) {
    throw new PocketPhiError('not-supported', 'The GPU gave no device.', { found: String(cause), cause })
  }
}
