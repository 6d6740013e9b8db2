/**
 * Rows of benchmarks from the Hugging Face hub, which has every public set as Parquet files in the revision `refs/convert/parquet`, under
 * CONFIG/SPLIT/NNNN.parquet. Of them the columns that are needed are read, by ranges.
 */
import { PocketPhiError } from '../../base/errors.ts'
import type { RetryOptions } from '../../base/retry.ts'
import { httpSource } from '../../formats/http.ts'
import { fileAddress, listRepository, type Listing } from '../../hub/listing.ts'
import type { Connection } from '../../hub/request.ts'
import type { RowSource, Split } from '../benchmarks/rows.ts'
import type { Row } from '../tasks/row.ts'
import { rowsOfParquet, type ParquetPart } from './parquet-rows.ts'
import { publicSets, type PublicSet } from './public-sets.ts'

const revision = 'refs/convert/parquet'

/** Rows for examples that are read of each part: enough for some of each group. */
const examplesAtMost = 500

/** Benchmarks whose sets are not known have no rows here. */
export function hubOfRows(connection: Connection, retry: RetryOptions): RowSource {
  const listings = new Map<string, Promise<Listing>>()
  return {
    async rows(folder, split) {
      const set = publicSets.get(folder)
      if (set === undefined || splitsOf(set, split).length === 0) return undefined
      const listing =
        listings.get(set.repository) ?? listRepository(connection, retry, set.repository, revision, 'datasets')
      listings.set(set.repository, listing)
      return await readSplit(connection, set, split, await listing)
    },
  }
}

function splitsOf({ test, dev }: PublicSet, split: Split): readonly string[] {
  if (split === 'test') return test
  return dev === undefined ? [] : [dev]
}

async function readSplit(
  connection: Connection,
  set: PublicSet,
  split: Split,
  { commit, files }: Listing,
): Promise<readonly Row[]> {
  const parts = set.configs.flatMap((config) =>
    splitsOf(set, split).flatMap((name) =>
      filesOf(set, config, name, files).map((file): ParquetPart => {
        return { open: () => openFile(connection, set.repository, commit, file), config }
      }),
    ),
  )
  return await rowsOfParquet(set, parts, split === 'dev' ? examplesAtMost : Infinity)
}

/** The files of a split in their order. Of a large one the hub may have converted the beginning alone. */
function filesOf({ repository }: PublicSet, config: string, split: string, files: Listing['files']): readonly string[] {
  const names = files.map(({ name }) => name)
  const within = (folder: string): string[] =>
    names.filter((name) => name.startsWith(`${config}/${folder}/`) && name.endsWith('.parquet')).sort()
  const found = [split, `partial-${split}`].map(within).find((some) => some.length > 0)
  if (found !== undefined) return found
  throw new PocketPhiError('not-found', `${repository} has no rows of ${config}/${split} on the hub.`, {
    expected: `${config}/${split}/0000.parquet in its revision ${revision}`,
    found: names.slice(0, 8).join(', ') || 'no files',
    remedy: 'Bring the rows in files instead: docs/guide/evaluate.md says how.',
  })
}

async function openFile(
  { endpoint, token, fetch, signal }: Connection,
  repository: string,
  commit: string,
  name: string,
) {
  return await httpSource(fileAddress(endpoint, `datasets/${repository}`, commit, name), {
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    ...(fetch !== undefined && { fetch }),
    ...(signal !== undefined && { signal }),
  })
}
