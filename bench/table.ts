/**
 * Writes the tables of speed into README.md, from the runs in results/. `--check` compares instead and fails on a difference.
 *
 *     npm run bench:table [-- --check]
 */
import { readSavedRuns } from './results.ts'
import { speedTables } from './speed-table.ts'
import { writeReadmePart } from '../scripts/readme-part.ts'

writeReadmePart('speed', speedTables(readSavedRuns()), 'The speed in README.md is stale: run npm run bench:table.')
