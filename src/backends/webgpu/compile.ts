/** From kernels and plans to pipelines and bind groups, made once when programs are opened. */
import { PocketPhiError, present } from '../../base/errors.ts'
import { moduleText, type Dialect, type Kernel } from './kernel.ts'
import { argumentBytes } from './layout.ts'
import type { Step, StepProgram } from './steps.ts'

/** Usages of buffers, by the numbers of the specification: Node has no global `GPUBufferUsage`. */
export const usage = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 0x40, storage: 0x80 } as const

/** Visible to compute shaders; `GPUShaderStage.COMPUTE`. */
const computeStage = 4

interface Compiled {
  readonly pipeline: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
}

/** The pipelines of a device; two kernels of the same text are one. */
export class Pipelines {
  readonly #device: GPUDevice
  readonly #dialect: Dialect
  readonly #layouts = new Map<string, GPUBindGroupLayout>()
  readonly #compiled = new Map<string, Promise<Compiled>>()
  readonly #ofKernels = new Map<Kernel, Promise<Compiled>>()

  constructor(device: GPUDevice, dialect: Dialect) {
    this.#device = device
    this.#dialect = dialect
  }

  /** @throws PocketPhiError `not-supported` when the driver refuses the kernel */
  of(kernel: Kernel): Promise<Compiled> {
    const known = this.#ofKernels.get(kernel)
    if (known !== undefined) return known
    const text = moduleText(kernel, this.#dialect)
    const compiled = this.#compiled.get(text) ?? this.#compile(kernel, text)
    this.#compiled.set(text, compiled)
    this.#ofKernels.set(kernel, compiled)
    return compiled
  }

  async #compile(kernel: Kernel, code: string): Promise<Compiled> {
    const device = this.#device
    const layout = this.#layoutOf(kernel)
    const module = device.createShaderModule({ label: kernel.name, code })
    try {
      const pipeline = await device.createComputePipelineAsync({
        label: kernel.name,
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: 'main' },
      })
      return { pipeline, layout }
    } catch (cause) {
      throw new PocketPhiError('not-supported', `This GPU does not take the kernel ${kernel.name}.`, {
        found: (await problemOf(module)) ?? String(cause),
        remedy: 'Use the wasm backend, and report this with the name of the GPU.',
        cause,
      })
    }
  }

  #layoutOf({ bindings }: Kernel): GPUBindGroupLayout {
    const types = bindings.map(({ access }) => (access === 'read' ? 'read-only-storage' : 'storage'))
    const key = types.join()
    const known = this.#layouts.get(key)
    if (known !== undefined) return known
    const made = this.#device.createBindGroupLayout({
      entries: (['uniform', ...types] as const).map((type, binding) => ({
        binding,
        visibility: computeStage,
        buffer: { type },
      })),
    })
    this.#layouts.set(key, made)
    return made
  }
}

/** What the compiler of the driver says against a kernel, if it does. */
async function problemOf(module: GPUShaderModule): Promise<string | undefined> {
  const { messages } = await module.getCompilationInfo()
  const error = messages.find(({ type }) => type === 'error')
  return error && `line ${error.lineNum}: ${error.message}`
}

/** What a run sets and dispatches, step after step. */
export interface Dispatch {
  readonly pipeline: GPUComputePipeline
  readonly group: GPUBindGroup
  readonly groups: Step['groups']
}

/** The numbers of all steps of a program, each at its own place in one buffer. */
export function argumentsOf({ steps }: StepProgram): ArrayBuffer {
  const bytes = new ArrayBuffer(Math.max(1, steps.length) * argumentBytes)
  const view = new DataView(bytes)
  steps.forEach(({ kernel, given }, step) => {
    kernel.parameters.forEach(({ type }, index) => {
      const at = step * argumentBytes + index * 4
      const value = present(given[index], 'argument')
      if (type === 'f32') view.setFloat32(at, value, true)
      else view.setUint32(at, value, true)
    })
  })
  return bytes
}

/** Bytes of the numbers of a kernel; a structure takes at least one word, and uniform ones a multiple of 16. */
function uniformBytes({ parameters }: Kernel): number {
  return Math.max(16, Math.ceil((parameters.length * 4) / 16) * 16)
}

/** A part of a GPU buffer. */
export interface GpuRange {
  readonly buffer: GPUBuffer
  readonly offset: number
  readonly size: number
}

/** Bind groups for all steps of a program. `rangeOf` says where its buffers lie. */
export async function prepare(
  device: GPUDevice,
  pipelines: Pipelines,
  program: StepProgram,
  given: GPUBuffer,
  rangeOf: (buffer: number) => GpuRange,
): Promise<Dispatch[]> {
  const compiled = await Promise.all(program.steps.map(({ kernel }) => pipelines.of(kernel)))
  return program.steps.map(({ kernel, buffers, groups }, step) => {
    const { pipeline, layout } = present(compiled[step], 'pipeline')
    const numbers = { buffer: given, offset: step * argumentBytes, size: uniformBytes(kernel) }
    const group = device.createBindGroup({
      label: kernel.name,
      layout,
      entries: [numbers, ...buffers.map(rangeOf)].map((resource, binding) => ({ binding, resource })),
    })
    return { pipeline, group, groups }
  })
}
