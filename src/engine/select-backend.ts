import type { Backend } from '../backends/backend.ts'
import { referenceBackend } from '../backends/ref/index.ts'
import { wasmBackend, type WasmOptions } from '../backends/wasm/index.ts'
import { gpuTraits } from '../backends/webgpu/adapter.ts'
import type { WebGpuBackend } from '../backends/webgpu/backend.ts'
import type { Arithmetic } from '../backends/webgpu/steps.ts'
import { PocketPhiError, type ErrorCode } from '../base/errors.ts'
import { environmentVariable } from '../base/platform.ts'

/** `auto` is the GPU where there is one, else wasm; `ref` is the float64 oracle, exact and very slow. */
export type BackendName = 'auto' | 'webgpu' | 'wasm' | 'ref'

export const backendNames: readonly BackendName[] = ['auto', 'webgpu', 'wasm', 'ref']

/** The webgpu backend, whose kernels are read only where they are wanted. @throws PocketPhiError `not-supported` */
async function openWebGpu({ gpuArithmetic: arithmetic = 'f32' }: SelectOptions): Promise<WebGpuBackend> {
  const { webgpuBackend } = await import('../backends/webgpu/backend.ts')
  return await webgpuBackend({ arithmetic })
}

/** Keeps `auto` from looking for a GPU where it says `off`. */
const variable = 'POCKET_PHI_GPU'

/** A backend that was selected by its name. */
export interface SelectedBackend extends Backend {
  /** Where `auto` took a GPU: what it takes instead when the GPU refuses a model. */
  readonly otherwise?: (refusal: PocketPhiError) => Promise<Backend>
}

export interface SelectOptions {
  /** Is asked for the options of wasm where that is what will run. */
  readonly wasm?: () => WasmOptions | Promise<WasmOptions>
  /** What was asked for that only wasm has, as "a number of threads": for its sake `auto` is wasm. */
  readonly onlyWasm?: string | undefined
  /** What a GPU multiplies in, as in `WebGpuOptions`; `auto` with f16 is `webgpu`, since nothing else has it. */
  readonly gpuArithmetic?: Arithmetic | undefined
  /** Whether results are to be exact, which those of f16 are not. */
  readonly exact?: boolean | undefined
}

/** What went wrong, in a few words. */
function shortly({ problem, found }: PocketPhiError): string {
  const what = problem.replace(/\.$/, '')
  return found === undefined ? what : `${what} (${found})`
}

/** Why the GPU is not taken; undefined where it is. */
async function whyNoGpu({ onlyWasm }: SelectOptions): Promise<string | undefined> {
  if (onlyWasm !== undefined) return `${onlyWasm} was asked for, which only wasm has`
  if (environmentVariable(variable) === 'off') return `${variable} is off`
  try {
    const { isSoftware, description } = await gpuTraits()
    return isSoftware ? `the only adapter of WebGPU is software (${description})` : undefined
  } catch (error) {
    // Browsers fail to have a GPU in many ways, and who asks for `auto` wants none of them.
    return error instanceof PocketPhiError ? shortly(error) : `asking for a GPU failed (${String(error)})`
  }
}

async function selectAutomatically(options: SelectOptions): Promise<SelectedBackend> {
  const takeWasm = async (reason: string): Promise<Backend> => ({
    ...wasmBackend((await options.wasm?.()) ?? {}),
    chosen: `wasm: ${reason}`,
  })
  const reason = await whyNoGpu(options)
  if (reason !== undefined) return await takeWasm(reason)
  const backend = await openWebGpu(options)
  const { description } = backend
  return {
    ...backend,
    chosen: `webgpu: there is a GPU (${description})`,
    otherwise: (refusal) => takeWasm(`the GPU (${description}) refused this model: ${shortly(refusal)}`),
  }
}

/** The backend that computes in f16. */
async function selectHalves(name: BackendName, options: SelectOptions): Promise<SelectedBackend> {
  if (name !== 'auto' && name !== 'webgpu') {
    throw new PocketPhiError('not-supported', `The backend "${name}" does not compute in f16.`, {
      remedy: 'Take the backend "webgpu", or leave the arithmetic at f32.',
    })
  }
  if (options.exact === true) {
    throw new PocketPhiError('invalid-argument', 'Exact mode does not go with f16 arithmetic.', {
      remedy: 'Leave one of them out.',
    })
  }
  return await openWebGpu(options)
}

/**
 * The backend of this name. What `auto` chose, and why, is in `Backend.chosen`; a GPU in software is not chosen, since wasm is
 * faster than it.
 *
 * @throws PocketPhiError `not-supported` where a GPU is asked for by name and there is none, or f16 of what has it not;
 * `invalid-argument`
 */
export async function selectBackend(name: BackendName, options: SelectOptions = {}): Promise<SelectedBackend> {
  if (options.gpuArithmetic === 'f16') return await selectHalves(name, options)
  switch (name) {
    case 'ref':
      return referenceBackend()
    case 'wasm':
      return wasmBackend((await options.wasm?.()) ?? {})
    case 'webgpu':
      return await openWebGpu(options)
    case 'auto':
      return await selectAutomatically(options)
    default:
      throw new PocketPhiError('invalid-argument', 'There is no such backend.', {
        expected: `${backendNames.map((known) => `"${known}"`).join(', ')} or a Backend`,
        found: String(name),
      })
  }
}

/** What a GPU says that will not run a model which another backend may run. */
const refusals: readonly ErrorCode[] = ['not-supported', 'out-of-memory', 'device-lost']

/**
 * What `use` makes of a backend; where `auto` took a GPU that refuses what it is used for, what `use` makes of wasm.
 *
 * @throws what `use` throws: for wasm where it was tried
 */
export async function withSelected<T>(selected: SelectedBackend, use: (backend: Backend) => Promise<T>): Promise<T> {
  const { otherwise, ...backend } = selected
  if (otherwise === undefined) return await use(selected)
  try {
    return await use(backend)
  } catch (error) {
    if (!(error instanceof PocketPhiError) || !refusals.includes(error.code)) throw error
    return await use(await otherwise(error))
  }
}
