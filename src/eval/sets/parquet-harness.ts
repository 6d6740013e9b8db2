/** Writes Parquet files as the hub has them: texts, lists and objects are what they are called, integers have 64 bits. */
import { parquetWriteBuffer } from 'hyparquet-writer'

type SchemaElement = NonNullable<Parameters<typeof parquetWriteBuffer>[0]['schema']>[number]

/** The elements of the schema of a value. */
function elementsOf(name: string, value: unknown): SchemaElement[] {
  const optional = { name, repetition_type: 'OPTIONAL' } as const
  if (typeof value === 'string') return [{ ...optional, type: 'BYTE_ARRAY', converted_type: 'UTF8' }]
  if (typeof value === 'boolean') return [{ ...optional, type: 'BOOLEAN' }]
  if (typeof value === 'number') return [{ ...optional, type: 'INT64' }]
  if (value instanceof Uint8Array) return [{ ...optional, type: 'BYTE_ARRAY' }]
  if (Array.isArray(value)) {
    const list = { name: 'list', repetition_type: 'REPEATED', num_children: 1 } as const
    return [{ ...optional, num_children: 1, converted_type: 'LIST' }, list, ...elementsOf('element', value[0] ?? '')]
  }
  const fields = Object.entries(value ?? {})
  return [{ ...optional, num_children: fields.length }, ...fields.flatMap(([key, field]) => elementsOf(key, field))]
}

function withLongIntegers(value: unknown): unknown {
  if (typeof value === 'number') return BigInt(value)
  if (Array.isArray(value)) return value.map(withLongIntegers)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, withLongIntegers(field)]))
}

/** A column for each field of the first row, typed by its value there. */
export function parquetOf(rows: readonly Readonly<Record<string, unknown>>[], rowGroupSize = 2): Uint8Array {
  const columns = Object.entries(rows[0] ?? {})
  const root: SchemaElement = { name: 'root', num_children: columns.length }
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: columns.map(([name]) => ({ name, data: rows.map((row) => withLongIntegers(row[name])) })),
      schema: [root, ...columns.flatMap(([name, value]) => elementsOf(name, value))],
      rowGroupSize,
    }),
  )
}
