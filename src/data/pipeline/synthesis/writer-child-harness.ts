/**
 * A process that has a plan written and may be killed.
 *
 *     node writer-child-harness.ts URL FOLDER COUNT
 */
import { synthesize } from './synthesize.ts'
import { planOf } from './writer-harness.ts'

const [url = '', folder = '', count = ''] = process.argv.slice(2)
const options = { parallel: 4, solutions: 1, attempts: 12, timeoutSeconds: 600 }
await synthesize(planOf(Number(count)), { url, model: 'writer' }, folder, options)
