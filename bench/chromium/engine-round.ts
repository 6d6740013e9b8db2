/** One round of the engine in a page of Chromium. */
import { findModel } from '../../src/engine/find-model.ts'
import { join } from 'node:path'
import { readSettings } from '../rounds.ts'
import { runInPage } from './host.ts'

const settings = readSettings()
const { folder, weightsFile } = await findModel(settings.model)
const model = weightsFile === undefined ? folder : join(folder, weightsFile)
await runInPage({ ...settings, model }, (page, own, weights) =>
  page.evaluate(([given, name]) => globalThis.bench.loadEngine(given, name), [own, weights] as const),
)
