/** Rows that a program appends to a file one after the other, a JSON value on each line (Node only). */
import { PocketPhiError } from '../base/errors.ts'
import { nodeModule } from '../base/platform.ts'
import { systemError, writeFileAtomic, type AtomicOptions } from './atomic.ts'

/** A file that rows are appended to. */
export interface JsonLinesLog<Row> {
  /** Rows that are appended at the same time follow each other whole. */
  append(row: Row): Promise<void>
  /** Makes the rows so far durable. */
  sync(): Promise<void>
  close(): Promise<void>
}

function filesOfNode(): NonNullable<ReturnType<typeof nodeModule<'node:fs/promises'>>> {
  const files = nodeModule('node:fs/promises')
  if (files !== undefined) return files
  throw new PocketPhiError('not-supported', 'Files can only be read and written in Node.')
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/**
 * The rows of a file; none where there is no file. It ends at the first line that is torn, as a dying process or machine leaves
 * one: what follows was not synchronised.
 *
 * @param take the row that a value is, or undefined for what is none and ends the file
 */
export async function readJsonLines<Row>(file: string, take: (value: unknown) => Row | undefined): Promise<Row[]> {
  const text = await filesOfNode()
    .readFile(file, 'utf8')
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
  const rows: Row[] = []
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    const row = line === '' ? undefined : take(parsed(line))
    if (row === undefined) break
    rows.push(row)
  }
  return rows
}

/**
 * Opens a file for appending; it begins with the rows that are kept, and whatever else was in it goes.
 *
 * @throws PocketPhiError `out-of-memory` for a full disk, here and when a row is appended
 */
export async function openJsonLines<Row>(
  file: string,
  kept: readonly Row[],
  options: AtomicOptions = {},
): Promise<JsonLinesLog<Row>> {
  await writeFileAtomic(file, kept.map((row) => `${JSON.stringify(row)}\n`).join(''), options)
  const handle = await filesOfNode().open(file, 'a')
  let last: Promise<unknown> = Promise.resolve()
  const guarded = async (before: Promise<unknown>, operation: 'write' | 'sync', action: () => Promise<void>) => {
    await before
    try {
      await options.faults?.before(operation, file)
      await action()
    } catch (error) {
      throw systemError(file, error)
    }
  }
  const inTurn = (operation: 'write' | 'sync', action: () => Promise<void>): Promise<void> => {
    const next = guarded(last, operation, action)
    last = next.catch(() => {})
    return next
  }
  return {
    append: (row) => inTurn('write', () => handle.appendFile(`${JSON.stringify(row)}\n`)),
    sync: () => inTurn('sync', () => handle.sync()),
    async close() {
      await last
      await handle.close()
    },
  }
}
