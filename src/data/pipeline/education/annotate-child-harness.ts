/**
 * A process that annotates and may be killed.
 *
 *     node annotate-child-harness.ts URL FOLDER COUNT
 */
import { annotateWithModel } from './annotate.ts'
import { documentsToJudge, eachOf } from './judge-harness.ts'
import { drawSample } from './sample.ts'

const [url = '', folder = '', count = ''] = process.argv.slice(2)
const sample = await drawSample(eachOf(documentsToJudge(Number(count))), Number(count), 1)
const options = { parallel: 4, opinions: 1, attempts: 12, timeoutSeconds: 600 }
await annotateWithModel(sample, { url, model: 'judge' }, folder, options)
