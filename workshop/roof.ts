/** How fast one core reads. */
import { readLoop } from '../src/backends/wasm/loops.ts'
import { medianSeconds } from './bench.ts'

/** GB/s over 256 KiB and over 256 MiB. */
export function readSpeeds(): { readonly cache: number; readonly memory: number } {
  const memory = new WebAssembly.Memory({ initial: 4097 })
  new Uint8Array(memory.buffer).fill(1)
  const read = readLoop(memory)
  const speed = (bytes: number) => bytes / medianSeconds(() => read(0, bytes)) / 1e9
  return { cache: speed(2 ** 18), memory: speed(2 ** 28) }
}
