/**
 * Test support: one kernel module with its memory, an allocator that surrounds every block with guard bytes, and calls that
 * play all threads in turn. Not part of the backend; imported by tests and by the benches in workshop/.
 */
import { readFileSync } from 'node:fs'
import { present } from '../../base/errors.ts'
import { refuseStaleKernels } from './stale.ts'

export type SimdBuild = 'baseline' | 'relaxed'

/** A word of an argument block: a number is an i32, `float(x)` an f32. */
export type Word = number | { readonly float: number }

export const float = (value: number): Word => ({ float: value })

export type Kernel = (args: number, thread: number, threads: number) => void

const guardBytes = 64
const guardByte = 0xa5
const constantsEnd = 65536
const pageBytes = 65536

export class KernelHarness {
  readonly memory: WebAssembly.Memory
  readonly kernels: Readonly<Record<string, Kernel>>
  readonly #args: number
  readonly #blocks: { readonly pointer: number; readonly bytes: number }[] = []
  #top = constantsEnd

  constructor(memory: WebAssembly.Memory, kernels: Readonly<Record<string, Kernel>>) {
    this.memory = memory
    this.kernels = kernels
    this.#args = this.alloc(1024)
  }

  /** A zeroed block at a multiple of 16 (of 64, so that benches are stable), with guard bytes before and after it. */
  alloc(bytes: number): number {
    const pointer = Math.ceil((this.#top + guardBytes) / 64) * 64
    const end = pointer + bytes + guardBytes
    const missing = end - this.memory.buffer.byteLength
    if (missing > 0) this.memory.grow(Math.ceil(missing / pageBytes))
    const view = new Uint8Array(this.memory.buffer)
    view.fill(guardByte, pointer - guardBytes, pointer)
    view.fill(0, pointer, pointer + bytes)
    view.fill(guardByte, pointer + bytes, end)
    this.#blocks.push({ pointer, bytes })
    this.#top = end
    return pointer
  }

  /** Forgets every block; pointers given out before are void. */
  reset(): void {
    this.#blocks.length = 1
    const args = present(this.#blocks[0], 'the argument block')
    this.#top = args.pointer + args.bytes + guardBytes
  }

  f32(pointer: number, count: number): Float32Array {
    return new Float32Array(this.memory.buffer, pointer, count)
  }

  i32(pointer: number, count: number): Int32Array {
    return new Int32Array(this.memory.buffer, pointer, count)
  }

  bytes(pointer: number, count: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, pointer, count)
  }

  /** Copies an array of any element type into a new block. */
  put(values: ArrayBufferView): number {
    const pointer = this.alloc(values.byteLength)
    this.bytes(pointer, values.byteLength).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    return pointer
  }

  /** Stores an argument block for calls by hand (benches, real threads); `call` has its own. */
  putWords(words: readonly Word[], pointer: number = this.alloc(words.length * 4)): number {
    const view = new DataView(this.memory.buffer, pointer, words.length * 4)
    for (const [index, word] of words.entries()) {
      if (typeof word === 'number') view.setInt32(index * 4, word, true)
      else view.setFloat32(index * 4, word.float, true)
    }
    return pointer
  }

  /** Runs the kernel as thread 0 .. threads-1 in turn, then checks every guard. */
  call(name: string, words: readonly Word[], threads = 1): void {
    const kernel = this.kernels[name]
    if (kernel === undefined) throw new Error(`no kernel "${name}": run npm run build:kernels`)
    this.putWords(words, this.#args)
    for (let thread = 0; thread < threads; thread++) kernel(this.#args, thread, threads)
    this.checkGuards()
  }

  checkGuards(): void {
    const view = new Uint8Array(this.memory.buffer)
    for (const { pointer, bytes } of this.#blocks) {
      for (let offset = 1; offset <= guardBytes; offset++) {
        if (view[pointer - offset] !== guardByte)
          throw new Error(`byte ${-offset} of the block at ${pointer} was written`)
        const after = bytes + offset - 1
        if (view[pointer + after] !== guardByte)
          throw new Error(`byte ${after} of the block at ${pointer} (${bytes} bytes) was written`)
      }
    }
  }
}

const compiled = new Map<string, WebAssembly.Module>()

function compile(file: URL): WebAssembly.Module {
  refuseStaleKernels(file)
  return new WebAssembly.Module(readFileSync(file))
}

/** The module as built by `npm run build:kernels`, in a fresh memory: shared when `threads`. */
export function instantiate(
  build: SimdBuild,
  threads: boolean,
  folder: URL = new URL('./build/', import.meta.url),
): KernelHarness {
  const file = new URL(`${build}-${threads ? 'threads' : 'single'}.wasm`, folder)
  const module = compiled.get(file.href) ?? compile(file)
  compiled.set(file.href, module)
  const memory = new WebAssembly.Memory(threads ? { initial: 2, maximum: 65536, shared: true } : { initial: 2 })
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  return new KernelHarness(memory, exports as Record<string, Kernel>)
}

/** The four builds, for `describe.each`. */
export const kernelBuilds: readonly { readonly build: SimdBuild; readonly threads: boolean }[] = [
  { build: 'baseline', threads: false },
  { build: 'baseline', threads: true },
  { build: 'relaxed', threads: false },
  { build: 'relaxed', threads: true },
]
