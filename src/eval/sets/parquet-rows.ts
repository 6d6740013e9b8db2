/** Rows of benchmarks from Parquet files with the columns of the public sets. */
import { PocketPhiError } from '../../base/errors.ts'
import { readParquet } from '../../data/pipeline/sources/parquet.ts'
import type { ByteSource } from '../../formats/source.ts'
import type { Row } from '../tasks/row.ts'
import type { PublicSet } from './public-sets.ts'

/** A file with rows of a set. */
export interface ParquetPart {
  readonly source: ByteSource
  /** The part of the set that its rows belong to, where it has parts. */
  readonly config?: string | undefined
}

/**
 * The rows of files in their order, with the fields that the tasks read.
 *
 * @param set what the columns mean; where it is left out they are the fields
 * @param most so many rows of each file at most
 * @throws PocketPhiError `invalid-file` for a file that cannot be read or has other columns, and what the sources throw
 */
export async function rowsOfParquet(
  set: PublicSet | undefined,
  parts: readonly ParquetPart[],
  most = Infinity,
): Promise<readonly Row[]> {
  const rows: Row[] = []
  /** Rows so far of each part of the set. */
  const numbers = new Map<string | undefined, number>()
  for (const { source, config } of parts) {
    let number = 0
    for await (const found of readParquet(source, set?.columns)) {
      if (!('values' in found)) throw damaged(source.name, found.detail)
      const place = `row ${++number} of ${source.name}`
      const raw: Row = { fields: plainFields(found.values), place }
      const own = (numbers.get(config) ?? 0) + 1
      numbers.set(config, own)
      // A part that grows leaves the ids of the others as they are.
      const id = set !== undefined && set.configs.length > 1 ? `${config ?? ''}-${own}` : String(own)
      rows.push({ fields: { id, ...(set === undefined ? raw.fields : set.fields(raw, config)) }, place })
      if (number >= most) break
    }
  }
  return rows
}

function damaged(name: string, detail: string): PocketPhiError {
  return new PocketPhiError('invalid-file', `"${name}" is damaged.`, { found: detail, remedy: 'Fetch it again.' })
}

function plainFields(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, plain(value)]))
}

/** Values as JSON has them: integers of 64 bits are numbers. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return plainFields(value as Record<string, unknown>)
}
