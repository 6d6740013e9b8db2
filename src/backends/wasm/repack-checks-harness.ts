/** Test support: what the kernel that repacks panels must do, which is what `repackPanel` does in plain TypeScript. */
import { Random } from '../../base/random.ts'
import { randomGgmlBlocks } from '../../blocks/ggml-harness.ts'
import { repackPanel, type RepackedGgmlType } from '../../blocks/ggml-repack.ts'
import { ggmlBytes, ggmlTypeOf, writeHalf } from '../../blocks/ggml.ts'
import type { KernelHarness } from './kernel-harness.ts'

export const repackedTypes: readonly RepackedGgmlType[] = ['Q4_0', 'Q8_0', 'Q4_K', 'Q5_K', 'Q6_K']

/** Up to eight rows at the front of a panel; what lies behind them is of no meaning. */
export interface PanelRows {
  readonly type: RepackedGgmlType
  readonly rows: number
  readonly columns: number
  readonly bytes: Uint8Array
}

/** Whether the values could be kept, and the bytes then. */
export interface Repacked {
  readonly kept: boolean
  readonly panel: Uint8Array
}

/** Scales of both signs, some zero or subnormal, and of Q8_0 no -128. */
export function randomPanelRows(random: Random, type: RepackedGgmlType): PanelRows {
  const { blockLength, blockBytes } = ggmlTypeOf(type)
  const [rows, columns] = [random.integer(1, 9), blockLength * random.integer(1, 5)]
  const bytes = new Uint8Array(ggmlBytes(type, 8 * columns)).fill(0xa5)
  const file = randomGgmlBlocks(random, type, ggmlBytes(type, rows * columns))
  if (type === 'Q8_0') {
    for (const [at, byte] of file.entries()) if (byte === 0x80 && at % blockBytes > 1) file[at] = 0x81
  }
  bytes.set(file)
  return { type, rows, columns, bytes }
}

/** The start of one of the blocks. */
function someBlock(random: Random, { type, rows, columns }: PanelRows): number {
  const { blockLength, blockBytes } = ggmlTypeOf(type)
  return random.integer(0, (rows * columns) / blockLength) * blockBytes
}

/** The same rows with an infinity or a NaN for one of the scales. */
export function withoutScale(random: Random, given: PanelRows): PanelRows {
  const bytes = given.bytes.slice()
  const place = someBlock(random, given) + random.pick(ggmlTypeOf(given.type).scales)
  writeHalf(bytes, place, random.pick([0x7c00, 0xfc00, 0x7e01]))
  return { ...given, bytes }
}

/** Rows of Q8_0 with a -128 under a scale of either sign. */
function withLowest(random: Random, given: PanelRows): PanelRows {
  const bytes = given.bytes.slice()
  const block = someBlock(random, given)
  writeHalf(bytes, block, random.pick([0x2000, 0xa000]))
  bytes[block + random.integer(2, 34)] = 0x80
  return { ...given, bytes }
}

/** All scales of Q8_0 a zero of either sign. */
function withoutSize(random: Random, given: PanelRows): PanelRows {
  const bytes = given.bytes.slice()
  for (let at = 0; at < bytes.length; at += 34) writeHalf(bytes, at, random.pick([0, 0x8000]))
  return { ...given, bytes }
}

export function inTypeScript({ type, rows, columns, bytes }: PanelRows): Repacked {
  const panel = bytes.slice()
  return { kept: repackPanel(type, panel, rows, columns), panel }
}

/** By the kernel, between guard bytes. */
function byKernel(harness: KernelHarness, { type, rows, columns, bytes }: PanelRows): Repacked {
  harness.reset()
  const file = bytes.slice().fill(0, ggmlBytes(type, rows * columns))
  const [from, to] = [harness.put(file), harness.alloc(bytes.length)]
  const { id, blockLength } = ggmlTypeOf(type)
  const args = harness.putWords([from, to, columns / blockLength, id, -1])
  for (const thread of [0, 1]) harness.kernels.repackPanel?.(args, thread, 2)
  harness.checkGuards()
  return { kept: harness.i32(args + 16, 1)[0] === 1, panel: harness.bytes(to, bytes.length) }
}

function* rowsOf(random: Random, type: RepackedGgmlType): Generator<PanelRows> {
  const given = randomPanelRows(random, type)
  yield given
  yield withoutScale(random, given)
  if (type !== 'Q8_0') return
  yield withLowest(random, given)
  yield withoutSize(random, withLowest(random, given))
}

/** Where the kernel does something else, rows that both refuse and rows that both take among them. */
export function* repackFaults(harness: KernelHarness): Generator<string> {
  const random = new Random(81)
  for (const type of repackedTypes) {
    for (let trial = 0; trial < 60; trial++) {
      for (const given of rowsOf(random, type)) {
        const [found, expected] = [byKernel(harness, given), inTypeScript(given)]
        const what = `${given.rows} rows of ${given.columns} in ${type}`
        if (found.kept !== expected.kept) yield `${what}: ${found.kept ? 'taken' : 'refused'}`
        else if (found.kept && Buffer.compare(found.panel, expected.panel) !== 0) yield `${what}: other bytes`
      }
    }
  }
}
