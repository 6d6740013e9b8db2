import type { Backend } from '../backends/backend.ts'
import { referenceBackend } from '../backends/ref/index.ts'
import { wasmBackend, type WasmOptions } from '../backends/wasm/index.ts'
import { gpuTraits } from '../backends/webgpu/adapter.ts'
import type { WebGpuBackend } from '../backends/webgpu/backend.ts'
import { PocketPhiError } from '../base/errors.ts'
import { environmentVariable } from '../base/platform.ts'

/** `auto` is the GPU where there is one, else wasm; `ref` is the float64 oracle, exact and very slow. */
export type BackendName = 'auto' | 'webgpu' | 'wasm' | 'ref'

export const backendNames: readonly BackendName[] = ['auto', 'webgpu', 'wasm', 'ref']

/** The webgpu backend, whose kernels are read only where they are wanted. @throws PocketPhiError `not-supported` */
async function openWebGpu(): Promise<WebGpuBackend> {
  const { webgpuBackend } = await import('../backends/webgpu/backend.ts')
  return await webgpuBackend()
}

/** Keeps `auto` from looking for a GPU where it says `off`. */
const variable = 'POCKET_PHI_GPU'

/** Why the GPU is not taken; undefined where it is. */
async function whyNoGpu(): Promise<string | undefined> {
  if (environmentVariable(variable) === 'off') return `${variable} is off`
  try {
    const { isSoftware, description } = await gpuTraits()
    return isSoftware ? `the only adapter of WebGPU is software (${description})` : undefined
  } catch (error) {
    // Browsers fail to have a GPU in many ways, and who asks for `auto` wants none of them.
    if (!(error instanceof PocketPhiError)) return `asking for a GPU failed (${String(error)})`
    const [problem = ''] = error.message.split('. ')
    return error.found === undefined ? problem : `${problem} (${error.found})`
  }
}

/**
 * The backend of this name. What `auto` chose, and why, is in `Backend.chosen`; a GPU in software is not chosen, since wasm is
 * faster than it.
 *
 * @param wasm is asked for the options of wasm where that is what will run
 * @throws PocketPhiError `not-supported` where a GPU is asked for by name and there is none; `invalid-argument`
 */
export async function selectBackend(
  name: BackendName,
  wasm: () => WasmOptions | Promise<WasmOptions> = () => ({}),
): Promise<Backend> {
  switch (name) {
    case 'ref':
      return referenceBackend()
    case 'wasm':
      return wasmBackend(await wasm())
    case 'webgpu':
      return await openWebGpu()
    case 'auto': {
      const reason = await whyNoGpu()
      if (reason !== undefined) return { ...wasmBackend(await wasm()), chosen: `wasm: ${reason}` }
      const backend = await openWebGpu()
      return { ...backend, chosen: `webgpu: there is a GPU (${backend.description})` }
    }
    default:
      throw new PocketPhiError('invalid-argument', 'There is no such backend.', {
        expected: `${backendNames.map((known) => `"${known}"`).join(', ')} or a Backend`,
        found: String(name),
      })
  }
}
