/** How fast one core reads: a WebAssembly loop of nothing but 16-byte loads, assembled here by hand. */
import { medianSeconds } from './bench.ts'

const [loop, block, localGet, localSet, localTee] = [0x03, 0x02, 0x20, 0x21, 0x22] as const
const [i32Const, i32Add, i32LtU, branchIf, end] = [0x41, 0x6a, 0x49, 0x0d, 0x0b] as const

/** read(pointer, end): xor of all 16-byte words, 128 bytes a turn on four accumulators. */
function assemble(): Uint8Array<ArrayBuffer> {
  const body: number[] = [1, 4, 0x7b, block, 0x40, loop, 0x40]
  for (let part = 0; part < 8; part++) {
    const accumulator = 2 + (part % 4)
    body.push(localGet, accumulator, localGet, 0, 0xfd, 0x00, 0x04, 16 * part, 0xfd, 0x51, localSet, accumulator)
  }
  body.push(localGet, 0, i32Const, 0x80, 0x01, i32Add, localTee, 0, localGet, 1, i32LtU, branchIf, 0, end, end)
  body.push(localGet, 2, localGet, 3, 0xfd, 0x51, localGet, 4, 0xfd, 0x51, localGet, 5, 0xfd, 0x51)
  body.push(0xfd, 0x1b, 0, end)
  const section = (id: number, ...content: number[]) => [id, content.length, ...content]
  const name = [...'read'].map((letter) => letter.charCodeAt(0))
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, 1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f),
    ...section(2, 1, 1, 0x65, 1, 0x6d, 0x02, 0x00, 1),
    ...section(3, 1, 0),
    ...section(7, 1, 4, ...name, 0, 0),
    ...[10, ...long(body.length + 3), 1, ...long(body.length), ...body],
  ])
}

/** LEB128 in two bytes, whatever the value. */
function long(value: number): number[] {
  return [(value & 0x7f) | 0x80, value >> 7]
}

/** GB/s over 256 KiB and over 256 MiB. */
export function readLoop(): { readonly cache: number; readonly memory: number } {
  const memory = new WebAssembly.Memory({ initial: 4097 })
  new Uint8Array(memory.buffer).fill(1)
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assemble()), { e: { m: memory } })
  const read = exports['read'] as (pointer: number, end: number) => number
  const speed = (bytes: number) => bytes / medianSeconds(() => read(0, bytes)) / 1e9
  return { cache: speed(2 ** 18), memory: speed(2 ** 28) }
}
