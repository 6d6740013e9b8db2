/** Parquet files, local or on a server: of each group of rows only the columns that are wanted are read. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { parquetMetadataAsync, parquetReadObjects, type Compressors, type FileMetaData } from 'hyparquet'
import { PocketPhiError } from '../../../base/errors.ts'
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
 * @param columns those of them that the file has are read
 * @throws PocketPhiError `invalid-file` without a readable footer, or with none of the columns
 */
export async function* readParquet(
  source: ByteSource,
  columns: readonly string[],
): AsyncGenerator<ParquetRow | Skipped, void> {
  const file = asyncBuffer(source)
  const metadata = await footer(file, source.name)
  const names = metadata.schema.slice(1).map(({ name }) => name)
  const wanted = columns.filter((column) => names.includes(column))
  if (wanted.length === 0) {
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
