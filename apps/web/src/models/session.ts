/** The model that is loaded. One tab at a time holds one: memory is scarce, and two copies of a large model would end both. */
import { computed, signal } from '@preact/signals'
import {
  PocketPhiError,
  startEngine,
  type ErrorData,
  type Progress,
  type RemoteEngine,
  type RemoteModel,
} from 'pocket-phi/worker'
import { errorData, isAborted } from '../app/errors.ts'
import { changeSettings } from '../settings/settings.ts'
import { shippedModel } from './catalogue.ts'
import { choiceOf, sourceOf, type ModelChoice } from './sources.ts'

export type Session =
  | { readonly state: 'empty' }
  | { readonly state: 'loading'; readonly name: string; readonly progress: Progress | undefined }
  | { readonly state: 'ready'; readonly name: string; readonly model: RemoteModel; readonly seconds: number }
  | { readonly state: 'failed'; readonly name: string; readonly choice: ModelChoice; readonly error: ErrorData }
  /** Another tab has a model; it can be had here instead. */
  | { readonly state: 'elsewhere'; readonly name: string; readonly choice: ModelChoice }

export const session = signal<Session>({ state: 'empty' })

/** Whether an answer can be asked for, now or when the model is there. */
export const canAnswer = computed(() => session.value.state === 'ready' || session.value.state === 'loading')

interface Loading {
  readonly choice: ModelChoice
  readonly controller: AbortController
  readonly model: Promise<RemoteModel>
}

let engine: RemoteEngine | undefined
let current: Loading | undefined

const lockName = 'pocket-phi-engine'
let holdsLock = false

/** A page that is being reloaded takes a moment to let go of its lock. */
const patience = 500

/** @param steal takes the place of another tab, which then lets go of its model */
async function takeEngine(steal: boolean): Promise<boolean> {
  if (holdsLock) return true
  const taken = Promise.withResolvers<boolean>()
  let isGranted = false
  navigator.locks
    .request(lockName, steal ? { steal } : { signal: AbortSignal.timeout(patience) }, () => {
      isGranted = true
      holdsLock = true
      taken.resolve(true)
      // Held until the page goes away or another tab steals it.
      return new Promise(() => {})
    })
    .catch(() => {
      taken.resolve(false)
      // A request that waited in vain says nothing of the lock that another one holds.
      if (isGranted) void letGo()
    })
  return await taken.promise
}

/** Another tab has taken the engine. */
async function letGo(): Promise<void> {
  holdsLock = false
  const choice = current?.choice ?? choiceOf(shippedModel)
  current?.controller.abort()
  current = undefined
  session.value = { state: 'elsewhere', name: choice.name, choice }
  const ended = engine
  engine = undefined
  await ended?.dispose().catch(() => undefined)
}

/**
 * Loads a model in place of the one that is loaded. What becomes of it stands in `session`.
 *
 * @param steal takes the engine from another tab
 */
export async function loadModel(choice: ModelChoice, { steal = false } = {}): Promise<void> {
  current?.controller.abort()
  const controller = new AbortController()
  const { name } = choice
  session.value = { state: 'loading', name, progress: undefined }
  const model = openModel(choice, controller.signal, steal)
  const loading: Loading = { choice, controller, model }
  current = loading
  const start = performance.now()
  try {
    const loaded = await model
    if (current !== loading) return
    session.value = { state: 'ready', name, model: loaded, seconds: (performance.now() - start) / 1000 }
    if (choice.kind !== 'local') changeSettings({ model: name })
  } catch (error) {
    if (current !== loading) return
    if (error instanceof ElsewhereError) session.value = { state: 'elsewhere', name, choice }
    else if (isAborted(error)) session.value = { state: 'empty' }
    else session.value = { state: 'failed', name, choice, error: errorData(error) }
  }
}

/** Another tab has the engine. */
class ElsewhereError extends PocketPhiError {
  constructor() {
    super('not-supported', 'A model is loaded in another tab.', { remedy: 'Use it here, or ask there.' })
  }
}

async function openModel(choice: ModelChoice, aborted: AbortSignal, steal: boolean): Promise<RemoteModel> {
  if (!(await takeEngine(steal))) throw new ElsewhereError()
  // A worker that died, or holds another model, is replaced: its memory is given back whole.
  const ended = engine
  engine = undefined
  const [source] = await Promise.all([sourceOf(choice), ended?.dispose().catch(() => undefined)])
  if (aborted.aborted) throw new PocketPhiError('aborted', 'Another model was chosen.')
  engine = startEngine()
  return await engine.loadModel(source.files, {
    ...(source.weightsFile === undefined ? {} : { weightsFile: source.weightsFile }),
    signal: aborted,
    onProgress: (progress) => {
      if (!aborted.aborted) session.value = { state: 'loading', name: choice.name, progress }
    },
  })
}

/** Shows that the engine has died, if that is what an error says: the model has to be loaded again. */
export function noteLoss(error: unknown): void {
  if (!(error instanceof PocketPhiError) || error.code !== 'device-lost' || current === undefined) return
  const { choice } = current
  session.value = { state: 'failed', name: choice.name, choice, error: errorData(error) }
}

/**
 * The model, when it is loaded.
 * @throws PocketPhiError what kept it from being loaded, `not-found` when none was chosen
 */
export async function readyModel(): Promise<{ readonly name: string; readonly model: RemoteModel }> {
  if (current === undefined) {
    throw new PocketPhiError('not-found', 'No model is loaded.', { remedy: 'Choose one under Models.' })
  }
  return { name: current.choice.name, model: await current.model }
}
