/** Parquet files, local or on a server: of each group of rows only the columns that are wanted are read. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { parquetMetadataAsync, parquetReadObjects, type Compressors, type FileMetaData } from 'hyparquet'
import { PocketPhiError } from '../../../base/errors.ts'
import { keptPromise } from '../../../base/kept-promises.ts'
import type { ByteSource } from '../../../formats/source.ts'
import type { Skipped } from '../../documents/found.ts'

/** Codecs that Node has; the library itself knows Snappy. */
const compressors: Compressors = {
  GZIP: (input, length) => gunzipSync(input, { maxOutputLength: length }),
  ZSTD: (input, length) => zstdDecompressSync(input, { maxOutputLength: length }),
  BROTLI: (input, length) => brotliDecompressSync(input, { maxOutputLength: length }),
}

interface AsyncBuffer {
  readonly byteLength: number
  slice(start: number, end?: number): Promise<ArrayBuffer>
}

function asyncBuffer(source: ByteSource): AsyncBuffer {
  return {
    byteLength: source.size,
    async slice(start, end = source.size) {
      const from = start < 0 ? source.size + start : start
      const bytes = await source.read(from, end - from)
      return bytes.slice().buffer
    },
  }
}

/** Rows that are in memory at once, so that groups of millions of rows are read piece by piece. */
const rowsAtOnce = 4096

export interface ParquetRow {
  readonly values: Readonly<Record<string, unknown>>
}

/**
 * The rows of a file, as objects with the wanted columns. A group of rows that cannot be read is one item that says so.
 *
 * @param columns those of them that the file has are read; all of the file when left out
 * @throws PocketPhiError `invalid-file` without a readable footer, or with none of the columns
 */
export async function* readParquet(
  source: ByteSource,
  columns?: readonly string[],
): AsyncGenerator<ParquetRow | Skipped, void> {
  const file = asyncBuffer(source)
  const metadata = await footer(file, source.name)
  const names = columnNames(metadata)
  const wanted = columns?.filter((column) => names.includes(column)) ?? names
  if (columns !== undefined && wanted.length === 0) {
    throw new PocketPhiError('invalid-file', `"${source.name}" has none of the columns that are wanted.`, {
      expected: columns.join(' or '),
      found: names.slice(0, 20).join(', '),
      remedy: 'Name the columns of the source in "fields".',
    })
  }
  let first = 0
  for (const [index, { num_rows: rows }] of metadata.row_groups.entries()) {
    const end = first + Number(rows)
    try {
      for (let row = first; row < end; row += rowsAtOnce) {
        const rowEnd = Math.min(end, row + rowsAtOnce)
        const part = { file, metadata, columns: wanted, rowStart: row, rowEnd, compressors }
        for (const values of await parquetReadObjects(part)) yield { values }
      }
    } catch (error) {
      // Those of the source, a connection that broke say, are not the file's fault.
      if (error instanceof PocketPhiError) throw error
      yield {
        reason: 'damaged',
        detail: `row group ${index + 1}: ${error instanceof Error ? error.message : String(error)}`,
      }
    }
    first = end
  }
}

/** Groups of a column that are kept: that of the row that was asked for last, and of one that is asked for beside it. */
const groupsAtOnce = 2

/**
 * One column of bytes or of objects with bytes (pictures, say), whose values are read when they are wanted, a group of rows at a time. What is not
 * marked as text stays bytes.
 *
 * @param open opens the file for each reading
 * @returns the value of a row, from 0 on; it throws PocketPhiError `invalid-file` for a group that cannot be read, and what the source throws
 * @throws PocketPhiError `invalid-file` without a readable footer
 */
export async function openParquetColumn(
  open: () => Promise<ByteSource>,
  column: string,
): Promise<(row: number) => Promise<unknown>> {
  const metadata = await within(open, (source) => footer(asyncBuffer(source), source.name))
  const starts: number[] = []
  let total = 0
  for (const { num_rows: rows } of metadata.row_groups) {
    starts.push(total)
    total += Number(rows)
  }
  const kept = new Map<number, Promise<readonly Readonly<Record<string, unknown>>[]>>()
  const read = (rowStart: number, rowEnd: number) =>
    within(open, async (source) => {
      const part = { file: asyncBuffer(source), metadata, columns: [column], rowStart, rowEnd }
      return await parquetReadObjects({ ...part, compressors, utf8: false }).catch((cause: unknown) => {
        if (cause instanceof PocketPhiError) throw cause
        throw new PocketPhiError('invalid-file', `Rows of "${source.name}" cannot be read.`, {
          expected: `rows from ${rowStart + 1} to ${rowEnd} with the column "${column}"`,
          remedy: 'Fetch it again.',
          cause,
        })
      })
    })
  return async (row) => {
    const group = starts.findLastIndex((start) => start <= row)
    const start = starts[group] ?? 0
    const rows = keptPromise(kept, group, () => read(start, starts[group + 1] ?? total))
    kept.delete(group)
    kept.set(group, rows)
    for (const oldest of [...kept.keys()].slice(0, -groupsAtOnce)) kept.delete(oldest)
    return (await rows)[row - start]?.[column]
  }
}

async function within<T>(open: () => Promise<ByteSource>, action: (source: ByteSource) => Promise<T>): Promise<T> {
  const source = await open()
  try {
    return await action(source)
  } finally {
    await source.close()
  }
}

/** Columns at the top: those in groups are part of them. */
function columnNames({ schema }: FileMetaData): string[] {
  const names: string[] = []
  let left = 0
  for (const { name, num_children: children = 0 } of schema.slice(1)) {
    if (left === 0) names.push(name)
    else left--
    left += children
  }
  return names
}

async function footer(file: AsyncBuffer, name: string): Promise<FileMetaData> {
  try {
    return await parquetMetadataAsync(file)
  } catch (cause) {
    if (cause instanceof PocketPhiError) throw cause
    throw new PocketPhiError('invalid-file', `"${name}" is no whole Parquet file.`, {
      ...(cause instanceof Error && { found: cause.message }),
      remedy: 'Fetch it again: its last bytes say what is in it.',
      cause,
    })
  }
}
