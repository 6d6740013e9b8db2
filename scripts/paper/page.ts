/**
 * Writes the tables and plots of docs/paper from the recorded runs. `--check` compares instead and fails on a difference.
 *
 *     npm run paper:tables [-- --check]
 */
import { present } from '../../src/base/errors.ts'
import { writeMade, writePart } from '../page-part.ts'
import { paperPlots } from './plots/index.ts'
import { readRecords } from './records.ts'
import { paperTables } from './tables.ts'

const command = 'npm run paper:tables'
const records = await readRecords()
const { plan, results } = records
const tokens = present(results[0], 'run').tokens.toLocaleString('en')
const head = `Mean ± standard deviation over seeds ${plan.seeds.join(', ')}; ${results.length} models, ${tokens} tokens each. Texts in bits per byte.`
writePart('docs/paper/README.md', 'tables', `\n${[head, ...paperTables(records)].join('\n\n')}\n`, command)
for (const { name, svg } of await paperPlots(records)) writeMade(`docs/paper/${name}.svg`, svg, command)
