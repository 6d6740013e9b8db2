import type { Simd } from '../../src/backends/wasm/module.ts'

export interface BrokenKernel {
  /** In src/backends/wasm/kernels. */
  readonly file: string
  /** The exported kernel that is wrong then. */
  readonly kernel: string
  readonly what: string
  /** By text that occurs once in the file: what takes its place. */
  readonly edits: Readonly<Record<string, string>>
  /** The operation whose cases must notice. */
  readonly operation: string
  /** The build that has the code. */
  readonly simd: Simd
}

type Break = Omit<BrokenKernel, 'file'>

/** A kernel broken by edits. The operation is that of the kernel's name, the build the relaxed one, where none is given. */
export function breaks(
  kernel: string,
  what: string,
  edits: Readonly<Record<string, string>>,
  { operation = kernel, simd = 'relaxed' }: { readonly operation?: string; readonly simd?: Simd } = {},
): Break {
  return { kernel, what, edits, operation, simd }
}

export function inFile(file: string, ...list: readonly Break[]): BrokenKernel[] {
  return list.map((one) => ({ file, ...one }))
}
