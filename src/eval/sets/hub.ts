/**
 * Rows of benchmarks from the Hugging Face hub, which has every public set as Parquet files in the revision `refs/convert/parquet`, under
 * CONFIG/SPLIT/NNNN.parquet. Of them the columns that are needed are read, by ranges.
 */
import { PocketPhiError } from '../../base/errors.ts'
import { keptPromise } from '../../base/kept-promises.ts'
import type { RetryOptions } from '../../base/retry.ts'
import type { ByteSource } from '../../formats/source.ts'
import { fileAddress, listRepository, type ListedFile, type Listing } from '../../hub/listing.ts'
import { hubSource } from '../../hub/ranges.ts'
import type { Connection } from '../../hub/request.ts'
import type { RowSource, Split } from '../benchmarks/rows.ts'
import type { Row } from '../tasks/row.ts'
import { rowsOfParquet, type ParquetPart } from './parquet-rows.ts'
import { publicSets, type PublicSet } from './public-sets.ts'

const revision = 'refs/convert/parquet'

/** Rows for examples that are read of each part: enough for some of each group. */
const examplesAtMost = 500

/** Where rows are read from, and how. */
interface Hub {
  readonly connection: Connection
  readonly retry: RetryOptions
}

/** Benchmarks whose sets are not known have no rows here. @param retry for each request; it should have the signal of the connection */
export function hubOfRows(connection: Connection, retry: RetryOptions): RowSource {
  const listings = new Map<string, Promise<Listing>>()
  return {
    async rows(folder, split) {
      const set = publicSets.get(folder)
      if (set === undefined || splitsOf(set, split).length === 0) return undefined
      const listing = keptPromise(listings, set.repository, () =>
        listRepository(connection, retry, set.repository, revision, 'datasets'),
      )
      return await readSplit({ connection, retry }, set, split, await listing)
    },
  }
}

function splitsOf({ test, dev }: PublicSet, split: Split): readonly string[] {
  if (split === 'test') return test
  return dev === undefined ? [] : [dev]
}

async function readSplit(hub: Hub, set: PublicSet, split: Split, { commit, files }: Listing): Promise<readonly Row[]> {
  const parts = set.configs.flatMap((config) =>
    splitsOf(set, split).flatMap((name) =>
      filesOf(set, config, name, files).map((file): ParquetPart => {
        return { open: () => openFile(hub, set.repository, commit, file), config }
      }),
    ),
  )
  return await rowsOfParquet(set, parts, split === 'dev' ? examplesAtMost : Infinity)
}

/** The files of a split in their order. Of a large one the hub may have converted the beginning alone. */
function filesOf(
  { repository }: PublicSet,
  config: string,
  split: string,
  files: Listing['files'],
): readonly ListedFile[] {
  const within = (folder: string): ListedFile[] =>
    files
      .filter(({ name }) => name.startsWith(`${config}/${folder}/`) && name.endsWith('.parquet'))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const found = [split, `partial-${split}`].map(within).find((some) => some.length > 0)
  if (found !== undefined) return found
  throw new PocketPhiError('not-found', `${repository} has no rows of ${config}/${split} on the hub.`, {
    expected: `${config}/${split}/0000.parquet in its revision ${revision}`,
    found:
      files
        .slice(0, 8)
        .map(({ name }) => name)
        .join(', ') || 'no files',
    remedy: 'Bring the rows in files instead: docs/guide/evaluate.md says how.',
  })
}

async function openFile(
  { connection, retry }: Hub,
  repository: string,
  commit: string,
  file: ListedFile,
): Promise<ByteSource> {
  return await hubSource(
    connection,
    retry,
    fileAddress(connection.endpoint, `datasets/${repository}`, commit, file.name),
    file,
  )
}
