import type { RepackPanel } from '../../blocks/ggml-repack.ts'
import { ggmlBytes, ggmlTypeOf } from '../../blocks/ggml.ts'
import type { Kernel } from './control.ts'

/** Of a memory; the constants of the kernels are in the first one. */
const pageBytes = 65536
/** Where a word of the arguments says whether the values could be kept. */
const keptWord = 4

/** What a module has to have for it. */
export const repackingKernel = 'repackPanel'

/** In a memory with room for the rows of a panel and for the panel that the kernel makes of them. */
function repackerOf(module: WebAssembly.Module, shared: boolean, panelBytes: number): RepackPanel {
  const pages = 2 + Math.ceil((2 * panelBytes) / pageBytes)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared })
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  const kernel = exports[repackingKernel] as Kernel
  const words = new Int32Array(memory.buffer, pageBytes)
  const from = 2 * pageBytes
  const to = from + panelBytes
  const file = new Uint8Array(memory.buffer, from, panelBytes)
  const panel = new Uint8Array(memory.buffer, to, panelBytes)
  return (type, bytes, rows, columns) => {
    const { id, blockLength } = ggmlTypeOf(type)
    file.set(bytes)
    file.fill(0, ggmlBytes(type, rows * columns), bytes.length)
    words.set([from, to, columns / blockLength, id])
    kernel(pageBytes, 0, 1)
    const isKept = words[keptWord] !== 0
    if (isKept) bytes.set(panel.subarray(0, bytes.length))
    return isKept
  }
}

/** `repackPanel` by a kernel, in the caller's thread. */
export function panelRepacker(module: WebAssembly.Module, shared: boolean): RepackPanel {
  let room = 0
  let repack: RepackPanel | undefined
  return (type, bytes, rows, columns) => {
    if (repack === undefined || room < bytes.length) {
      repack = repackerOf(module, shared, bytes.length)
      room = bytes.length
    }
    return repack(type, bytes, rows, columns)
  }
}
