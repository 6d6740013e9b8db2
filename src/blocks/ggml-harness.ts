/** Test support: blocks of ggml with any bits. */
import type { Random } from '../base/random.ts'
import { ggmlTypeOf, writeHalf, type GgmlType } from './ggml.ts'
import { numberToF16 } from './half.ts'

/** Random blocks whose scales are finite: of both signs, now and then zero or subnormal. */
export function randomGgmlBlocks(random: Random, type: GgmlType, bytes: number): Uint8Array<ArrayBuffer> {
  const { blockBytes, scales } = ggmlTypeOf(type)
  const blocks = Uint8Array.from({ length: bytes }, () => random.integer(0, 256))
  for (let at = 0; at < bytes; at += blockBytes) {
    for (const place of scales) {
      const scale = random.pick([0.01, 0.01, 0.01, 0, 2e-6]) * random.normal()
      writeHalf(blocks, at + place, numberToF16(scale))
    }
  }
  return blocks
}
