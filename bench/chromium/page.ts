/** The script of the page that both contenders in a browser run in. */
import { httpFolder } from '../../src/formats/tree.ts'
import { loadEngine } from '../engine.ts'
import { measure, type Contender } from '../measure.ts'
import type { EngineFacts, PeerSettings, Round, Settings } from '../rounds.ts'
import { loadWllama } from './wllama-contender.ts'

/** What a page has loaded, and what is said of it beside the figures. */
export interface Loaded {
  readonly contender: Contender
  readonly loadSeconds: number
  readonly facts?: EngineFacts
}

/** @param weights the file of weights below ../model/, undefined for a folder */
async function loadEngineHere(settings: Settings, weights: string | undefined): Promise<Loaded> {
  const tree = httpFolder(new URL('../model/', location.href).href)
  return await loadEngine(tree, weights, settings)
}

let loaded: Loaded | undefined

const bench = {
  isolated: (): boolean => globalThis.crossOriginIsolated,
  async loadEngine(settings: Settings, weights: string | undefined): Promise<void> {
    loaded = await loadEngineHere(settings, weights)
  },
  async loadWllama(settings: PeerSettings, weights: string): Promise<void> {
    loaded = await loadWllama(settings, weights)
  },
  async measure(settings: Settings): Promise<Round & Partial<EngineFacts>> {
    if (loaded === undefined) throw new Error('defect: nothing is loaded')
    const { contender, loadSeconds, facts } = loaded
    return { ...(await measure(contender, settings)), ...facts, loadSeconds }
  },
}

declare global {
  var bench: typeof import('./page.ts').bench
}
export { bench }
globalThis.bench = bench
