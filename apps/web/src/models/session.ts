/** The model that is loaded. */
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
import { changeSettings, settings, type Settings } from '../settings/settings.ts'
import { shippedModel } from './catalogue.ts'
import { takeEngine, whenEngineIsWanted } from './engine-lock.ts'
import { choiceOf, sourceOf, type ModelChoice } from './sources.ts'

export type Session =
  | { readonly state: 'empty' }
  | {
      readonly state: 'loading'
      readonly name: string
      readonly progress: Progress | undefined
      /** What became of the model before, if it is loaded again because of that. */
      readonly loss: string | undefined
    }
  | {
      readonly state: 'ready'
      readonly name: string
      readonly model: RemoteModel
      readonly seconds: number
      /** Why it runs on what it runs on. */
      readonly reason: string
    }
  | {
      readonly state: 'failed'
      readonly name: string
      readonly choice: ModelChoice
      readonly error: ErrorData
      /** What was loaded before, if it was something else. */
      readonly previous: ModelChoice | undefined
    }
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
/** What was loaded last. */
let loadedLast: ModelChoice | undefined

/** A GPU that was lost is not taken by itself again; the next visit asks for it anew. */
let isGpuLost = false

let ending = Promise.resolve()

/** Frees what the engine has. @returns when all engines that this tab had have ended */
function endEngine(): Promise<void> {
  const ended = engine?.dispose().catch(() => undefined)
  engine = undefined
  ending = Promise.all([ending, ended]).then(() => undefined)
  return ending
}

/** Another tab takes the engine. */
whenEngineIsWanted(async () => {
  const choice = current?.choice ?? choiceOf(shippedModel)
  current?.controller.abort()
  current = undefined
  session.value = { state: 'elsewhere', name: choice.name, choice }
  await endEngine()
})

interface LoadScope {
  /** Takes the engine from another tab. */
  readonly steal?: boolean
  /** What became of the model before. */
  readonly loss?: string
}

/** Loads a model in place of the one that is loaded. What becomes of it stands in `session`. */
export async function loadModel(choice: ModelChoice, { steal = false, loss }: LoadScope = {}): Promise<void> {
  current?.controller.abort()
  const controller = new AbortController()
  const { signal: aborted } = controller
  const { name } = choice
  const show = (progress: Progress | undefined): void => {
    if (!aborted.aborted) session.value = { state: 'loading', name, progress, loss }
  }
  show(undefined)
  const model = openModel(choice, { steal, aborted, onProgress: show })
  const loading: Loading = { choice, controller, model }
  current = loading
  const start = performance.now()
  try {
    const loaded = await model
    if (current !== loading) return
    const seconds = (performance.now() - start) / 1000
    session.value = { state: 'ready', name, model: loaded, seconds, reason: reasonFor(loaded) }
    loadedLast = choice
    if (choice.kind !== 'local') changeSettings({ model: name })
  } catch (error) {
    if (current !== loading) return
    if (error instanceof ElsewhereError) session.value = { state: 'elsewhere', name, choice }
    else if (isAborted(error)) session.value = { state: 'empty' }
    else {
      const previous = loadedLast?.name === name ? undefined : loadedLast
      session.value = { state: 'failed', name, choice, error: errorData(error), previous }
    }
  }
}

/** Loads the model again, as the settings now say. */
export function reloadModel(): void {
  if (current !== undefined) void loadModel(current.choice)
}

/** Another tab has the engine. */
class ElsewhereError extends PocketPhiError {
  constructor() {
    super('not-supported', 'A model is loaded in another tab.', { remedy: 'Use it here, or ask there.' })
  }
}

interface OpenScope {
  readonly steal: boolean
  readonly aborted: AbortSignal
  readonly onProgress: (progress: Progress) => void
}

async function openModel(choice: ModelChoice, { steal, aborted, onProgress }: OpenScope): Promise<RemoteModel> {
  if (!(await takeEngine(steal))) throw new ElsewhereError()
  // A worker that died, or holds another model, is replaced: its memory is given back whole.
  const [source] = await Promise.all([sourceOf(choice), endEngine()])
  if (aborted.aborted) throw new PocketPhiError('aborted', 'Another model was chosen.')
  engine = startEngine()
  const { maxContext } = settings.value
  return await engine.loadModel(source.files, {
    backend: wantedBackend(),
    ...(source.weightsFile === undefined ? {} : { weightsFile: source.weightsFile }),
    ...(maxContext === undefined ? {} : { maxContext }),
    signal: aborted,
    onProgress,
  })
}

function wantedBackend(): Settings['backend'] {
  const { backend } = settings.value
  return backend === 'auto' && isGpuLost ? 'wasm' : backend
}

function reasonFor({ execution, backend }: RemoteModel): string {
  if (settings.value.backend !== 'auto') return 'chosen in the settings'
  // The engine's own words, which begin with the name of the backend.
  return execution.chosen?.slice(`${backend}: `.length) ?? 'the GPU was lost during this visit'
}

/**
 * Loads the model again where an error says that its device or its worker has died; without the GPU, if it was that.
 *
 * @returns the error as it is kept with what was being done: it does not say what the page does about it just now
 */
export function recover(error: unknown): unknown {
  if (!(error instanceof PocketPhiError) || error.code !== 'device-lost' || current === undefined) return error
  const { value } = session
  if (value.state === 'ready' && value.model.backend === 'webgpu') isGpuLost = true
  void loadModel(current.choice, { loss: error.problem })
  const { problem, found = '' } = error
  return new PocketPhiError('device-lost', problem, {
    found,
    remedy: 'What had come is kept. Try again for a whole answer.',
  })
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
