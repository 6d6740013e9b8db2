/** Where the rows of benchmarks come from: a folder with JSON Lines, plain or gzip, or Parquet. */
import { readFile, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { PocketPhiError } from '../../base/errors.ts'
import { spread } from '../../base/spread.ts'
import { fileSource } from '../../formats/source.ts'
import { publicSets } from '../sets/public-sets.ts'
import { textOf, type Row } from '../tasks/row.ts'
import type { FewShot, Task, TaskItem } from '../tasks/types.ts'

/** The rows to be measured on, and those that examples are taken from. */
export type Split = 'test' | 'dev'

/** What rows are read from. */
export interface RowSource {
  /** Undefined where there are none of this split. @throws PocketPhiError `invalid-file` */
  rows(folder: string, split: Split): Promise<readonly Row[] | undefined>
}

const namesOf = (split: Split): string[] => [`${split}.jsonl`, `${split}.jsonl.gz`, `${split}.parquet`]

/** Where the rows of tasks may be, from the folder of all. */
export function filesOfRows(chosen: readonly Pick<Task, 'folder'>[]): string[] {
  const names = [...namesOf('test'), ...namesOf('dev')]
  return chosen.flatMap(({ folder }) => names.map((name) => `${folder}/${name}`))
}

/**
 * A folder with FOLDER/SPLIT.jsonl, FOLDER/SPLIT.jsonl.gz or FOLDER/SPLIT.parquet for each set. The id of a row that has none is the number of its
 * line; Parquet files have the columns of the public sets.
 */
export function folderOfRows(path: string): RowSource {
  return {
    async rows(folder, split) {
      for (const name of namesOf(split)) {
        const file = join(path, folder, name)
        if (!(await isFile(file))) continue
        if (name.endsWith('.parquet')) return await parquetRows(file, folder)
        const rows = parseRows(await textFrom(await readFile(file), `${folder}/${name}`), `${folder}/${name}`)
        return rows.map((row) => ({ ...row, open: (picture) => readPicture(join(path, folder), picture, row.place) }))
      }
      return undefined
    },
  }
}

/** A file below the folder of a set. */
async function readPicture(folder: string, name: string, place: string): Promise<Uint8Array> {
  const path = resolve(folder, name)
  if (!path.startsWith(resolve(folder) + sep)) {
    throw new PocketPhiError('invalid-file', `The picture "${name}" of ${place} cannot be used.`, {
      expected: `the name of a file below "${folder}"`,
    })
  }
  return await readFile(path).catch((cause: unknown) => {
    throw new PocketPhiError('not-found', `The picture "${name}" of ${place} is not there.`, {
      expected: path,
      cause,
    })
  })
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}

/** What reads Parquet is loaded where there is such a file. */
async function parquetRows(path: string, folder: string): Promise<readonly Row[]> {
  const { rowsOfParquet } = await import('../sets/parquet-rows.ts')
  return await rowsOfParquet(publicSets.get(folder), [{ open: () => fileSource(path) }])
}

async function textFrom(bytes: Buffer, name: string): Promise<string> {
  if (!name.endsWith('.gz')) return bytes.toString('utf8')
  const unpacked = await promisify(gunzip)(bytes).catch((cause: unknown) => {
    throw new PocketPhiError('invalid-file', `"${name}" cannot be unpacked.`, { expected: 'a whole gzip file', cause })
  })
  return unpacked.toString('utf8')
}

function parseRows(text: string, name: string): Row[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return []
    const place = `line ${index + 1} of ${name}`
    return [{ fields: { id: String(index + 1), ...parseFields(line, place) }, place }]
  })
}

function parseFields(line: string, place: string): Row['fields'] {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    throw new PocketPhiError('invalid-file', `What stands in ${place} is not JSON.`, { cause })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Row['fields']
  throw new PocketPhiError('invalid-file', `What stands in ${place} is no row.`, { expected: 'a JSON object' })
}

/** The questions of a task, and what is told before them. */
export interface TaskRows {
  readonly items: readonly TaskItem[]
  /** Rows that have no question of the kind that the task is about. */
  readonly leftOut: number
  /** By group of questions. */
  readonly fewShots: ReadonlyMap<string, FewShot>
}

/**
 * Reads the rows of a task; undefined where there are none.
 *
 * @param limit so many questions at most, spread evenly over the file
 * @throws PocketPhiError `invalid-file` for a row that is none of the task, and for an id that is there twice
 */
export async function readTask(task: Task, source: RowSource, limit = Infinity): Promise<TaskRows | undefined> {
  const rows = await source.rows(task.folder, 'test')
  if (rows === undefined) return undefined
  checkIds(rows)
  const read = rows.map((row) => task.read(row))
  const items = read.filter((item) => item !== undefined)
  return {
    items: spread(items, limit),
    leftOut: rows.length - items.length,
    fewShots: fewShotsOf(task, (await source.rows(task.folder, 'dev')) ?? []),
  }
}

function checkIds(rows: readonly Row[]): void {
  const ids = new Set<string>()
  for (const row of rows) {
    const id = textOf(row, 'id')
    if (ids.has(id)) {
      throw new PocketPhiError('invalid-file', `The id "${id}" of ${row.place} is there twice.`, {
        expected: 'an id for each row, since answers are kept by it',
      })
    }
    ids.add(id)
  }
}

/** The first rows of each group that are set apart for examples, as many as the report has. */
function fewShotsOf(task: Task, rows: readonly Row[]): ReadonlyMap<string, FewShot> {
  if (task.shots === 0) return new Map()
  if (task.examples !== undefined) return task.examples(rows)
  const shots = new Map<string, string[]>()
  for (const row of rows) {
    const item = task.read(row)
    if (item === undefined) continue
    const list = shots.get(item.group) ?? []
    if (list.length < task.shots) shots.set(item.group, [...list, item.solved])
  }
  return new Map([...shots].map(([group, list]) => [group, { preamble: '', shots: list }]))
}
