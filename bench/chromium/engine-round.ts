/** One round of the engine in a page of Chromium. */
import { readSettings } from '../rounds.ts'
import { runInPage } from './host.ts'

await runInPage(readSettings(), (page, own, weights) =>
  page.evaluate(([given, name]) => globalThis.bench.loadEngine(given, name), [own, weights] as const),
)
