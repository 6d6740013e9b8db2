/** Rows of benchmarks from Parquet files with the columns of the public sets. */
import { PocketPhiError } from '../../base/errors.ts'
import { keptPromise } from '../../base/kept-promises.ts'
import { openParquetColumn, readParquet } from '../../data/pipeline/sources/parquet.ts'
import { isJsonObject } from '../../formats/json.ts'
import type { ByteSource } from '../../formats/source.ts'
import type { Row } from '../tasks/row.ts'
import type { PublicSet } from './public-sets.ts'

/** A file with rows of a set. */
export interface ParquetPart {
  readonly open: () => Promise<ByteSource>
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
  for (const part of parts) {
    const { config } = part
    const source = await part.open()
    const pictures = picturesOf(set, part, source.name)
    let number = 0
    try {
      for await (const found of readParquet(source, set?.columns)) {
        if (!('values' in found)) throw damaged(source.name, found.detail)
        const at = number++
        const place = `row ${number} of ${source.name}`
        const raw: Row = { fields: plainFields(found.values), place }
        const own = (numbers.get(config) ?? 0) + 1
        numbers.set(config, own)
        // A part that grows leaves the ids of the others as they are.
        const id = set !== undefined && set.configs.length > 1 ? `${config ?? ''}-${own}` : String(own)
        const fields = { id, ...(set === undefined ? raw.fields : set.fields(raw, config)) }
        rows.push({ fields, place, open: (column) => pictures(column, at) })
        if (number >= most) break
      }
    } finally {
      await source.close()
    }
  }
  return rows
}

/** What reads the pictures of a file. */
function picturesOf(
  set: PublicSet | undefined,
  { open }: ParquetPart,
  name: string,
): (column: string, row: number) => Promise<Uint8Array> {
  const columns = new Map<string, ReturnType<typeof openParquetColumn>>()
  return async (column, row) => {
    if (set?.pictures?.includes(column) !== true) throw noPicture(column, row, name)
    const values = await keptPromise(columns, column, () => openParquetColumn(open, column))
    const value = await values(row)
    // As the hub has pictures: their bytes beside the name that the file had.
    const bytes = isJsonObject(value) ? value['bytes'] : value
    if (bytes instanceof Uint8Array) return bytes
    throw noPicture(column, row, name)
  }
}

function noPicture(column: string, row: number, name: string): PocketPhiError {
  return new PocketPhiError('invalid-file', `Row ${row + 1} of "${name}" has no picture in "${column}".`, {
    expected: 'the bytes of a PNG, JPEG, WebP or GIF file',
  })
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
