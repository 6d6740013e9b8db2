/**
 * Batches as arrays that numpy maps: of each shard a file with the ids of its rows and one with a byte for each row that says what the row is. The
 * format of the files is NEP 1 (numpy.lib.format), version 1.0.
 */
import type { Hash } from 'node:crypto'
import { endianness } from 'node:os'
import { throwIfAborted } from '../../base/errors.ts'
import type { AtomicFolder } from '../../formats/atomic.ts'
import { ignoredTarget } from '../../program/ops/index.ts'
import type { RowInputs } from '../step/batches.ts'

/** What a row may be, added up. */
export const rowFlags = { isToken: 1, isFirst: 2, isPredicted: 4 } as const

/** Rows of a shard, or one batch: some 80 MB. */
const rowsOfShard = 2 ** 24

export interface BatchFilesOptions {
  /** Of the shards. */
  readonly name: string
  readonly batches: number
  /** Rows of a batch. */
  readonly rows: number
  readonly vocabulary: number
  /** Takes in all that is written. */
  readonly hash: Hash
  readonly signal?: AbortSignal | undefined
  /** Hears how many batches are written. */
  readonly onBatches?: (done: number) => void
}

/**
 * Writes batches in shards.
 *
 * @param next gives one batch after the other
 * @returns the names of the shards, without what their files end in
 */
export async function writeBatches(
  into: AtomicFolder,
  next: () => RowInputs,
  { name, batches, rows, vocabulary, hash, signal, onBatches = () => {} }: BatchFilesOptions,
): Promise<string[]> {
  const perShard = Math.max(1, Math.floor(rowsOfShard / rows))
  const names: string[] = []
  for (let first = 0; first < batches; first += perShard) {
    const count = Math.min(perShard, batches - first)
    const ids = vocabulary <= 2 ** 16 ? new Uint16Array(count * rows) : new Uint32Array(count * rows)
    const flags = new Uint8Array(count * rows)
    for (let batch = 0; batch < count; batch++) {
      throwIfAborted(signal)
      const inputs = next()
      ids.set(inputs.ids, batch * rows)
      flags.set(flagsOf(inputs), batch * rows)
      onBatches(first + batch + 1)
    }
    const shard = `${name}-${String(names.length).padStart(5, '0')}`
    for (const [what, values] of Object.entries({ ids, flags })) {
      const parts = npyFile(values, [count, rows])
      for (const part of parts) hash.update(part)
      await into.writeFile(`${shard}.${what}.npy`, parts)
    }
    names.push(shard)
  }
  return names
}

function flagsOf({ starts, targets }: RowInputs): Uint8Array {
  const { isToken, isFirst, isPredicted } = rowFlags
  return Uint8Array.from(starts, (start, row) => {
    if (start < 0) return 0
    return isToken + (start === row ? isFirst : 0) + (targets[row] === ignoredTarget ? 0 : isPredicted)
  })
}

const dataTypes = { Uint8Array: '|u1', Uint16Array: '<u2', Uint32Array: '<u4' } as const

/** The first bytes, with the version of the format. */
const magic = [0x93, ...new TextEncoder().encode('NUMPY'), 1, 0]

/** An array as a .npy file. */
export function npyFile(values: Uint8Array | Uint16Array | Uint32Array, shape: readonly number[]): Uint8Array[] {
  if (endianness() !== 'LE')
    throw new Error('defect: numbers are written as they lie in memory, which must be little-endian')
  const type = dataTypes[values.constructor.name as keyof typeof dataTypes]
  const head = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`
  // The data begin at a multiple of 64 bytes.
  const length = Math.ceil((magic.length + 2 + head.length + 1) / 64) * 64 - magic.length - 2
  const text = new TextEncoder().encode(`${head.padEnd(length - 1)}\n`)
  const header = Uint8Array.from([...magic, length & 0xff, length >> 8, ...text])
  return [header, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)]
}
