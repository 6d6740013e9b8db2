/**
 * Writes the tables of speed, from the runs in results/: those against peers into README.md, all of them into docs/speed.md. `--check`
 * compares instead and fails on a difference.
 *
 *     npm run bench:table [-- --check]
 */
import { writePart } from '../scripts/page-part.ts'
import { readSavedRuns } from './results.ts'
import { comparison, speedTables } from './speed-table.ts'

const runs = readSavedRuns()
writePart('README.md', 'speed', comparison(runs), 'npm run bench:table')
writePart('docs/speed.md', 'runs', speedTables(runs), 'npm run bench:table')
