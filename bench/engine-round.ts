/**
 * One round of the engine in this process. Prints one JSON object; a child of main.ts.
 *
 *     node bench/engine-round.ts SETTINGS
 */
import { useWideVectors } from '../src/cli/wide.ts'
import { findModel } from '../src/engine/find-model.ts'
import { loadEngine } from './engine.ts'
import { measure } from './measure.ts'
import { costs, MemoryWatch } from './processes.ts'
import { readSettings } from './rounds.ts'

const watch = new MemoryWatch()
const settings = readSettings()
// main.ts has tested them.
if (settings.wide) useWideVectors()
const { tree, weightsFile } = await findModel(settings.model)
await using engine = await loadEngine(tree, weightsFile, settings)
const { contender, facts, loadSeconds } = engine
const round = await measure(contender, settings)
console.log(JSON.stringify({ ...round, ...facts, loadSeconds, ...costs(watch.end()) }))
