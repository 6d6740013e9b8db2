/** What the webgpu backend runs: dispatches of kernels over buffers, as plain data. */
import type { TensorType } from '../../base/dtype.ts'
import type { RunInputs } from '../backend.ts'
import type { InputCheck } from '../index-checks.ts'
import type { BufferId } from '../operands.ts'
import type { StepOutput } from '../outputs.ts'
import type { Kernel } from './kernel.ts'

/**
 * What attention over an f16 cache and products with blocks of GGUF files multiply in; sums are f32, but for those of four products. Nothing else depends on it.
 */
export type Arithmetic = 'f32' | 'f16'

export type BufferSource =
  /** A computed value or a temporary of one operation; those that are never alive together share a GPU buffer. */
  | { readonly kind: 'scratch' }
  /** Written before every run: what the caller gave, or what the caller's thread computed from it. */
  | { readonly kind: 'uploaded' }
  | { readonly kind: 'store'; readonly name: string; readonly slab: number }

export interface StepBuffer {
  readonly bytes: number
  readonly source: BufferSource
}

/** The float64 tensors of the store, which stay with the caller's thread: WGSL has no such numbers. */
export type HostTensors = (name: string) => Float64Array

/** Words that go up before a run. */
export interface Upload {
  readonly buffer: BufferId
  readonly words: (inputs: RunInputs, tensors: HostTensors) => Int32Array | Float32Array
}

/** An input of the program, which the caller must give whether or not a kernel reads it. */
export interface ProgramInput {
  readonly name: string
  readonly type: TensorType
  readonly buffer: BufferId
}

export interface Step {
  readonly kernel: Kernel
  /** A buffer for each of the kernel's bindings, bound whole. */
  readonly buffers: readonly BufferId[]
  /** A number for each of its parameters. */
  readonly given: readonly number[]
  /** Groups along x, y and z. */
  readonly groups: readonly [number, number, number]
  /** In multiply-adds; memory traffic is counted as such. */
  readonly cost: number
  readonly scope: string
}

export interface StepProgram {
  readonly name: string
  readonly buffers: readonly StepBuffer[]
  readonly inputs: readonly ProgramInput[]
  readonly uploads: readonly Upload[]
  readonly steps: readonly Step[]
  readonly outputs: readonly StepOutput[]
  readonly checks: readonly InputCheck[]
}
