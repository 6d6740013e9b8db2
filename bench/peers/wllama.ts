/** One round of wllama on a GGUF file, in a page of the same Chromium that the engine's page runs in. */
import { join } from 'node:path'
import { filesBelow } from '../../tests/browser/site.ts'
import { runInPage } from '../chromium/host.ts'
import { readPeerSettings } from '../rounds.ts'

const settings = readPeerSettings()
const wllama = await filesBelow(join(settings.peer.path, 'node_modules/@wllama/wllama/esm'))
await runInPage(
  settings,
  (page, own, weights = '') =>
    page.evaluate(([given, name]) => globalThis.bench.loadWllama(given, name), [own, weights] as const),
  { wllama },
)
