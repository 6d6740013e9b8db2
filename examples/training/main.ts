import { Caller, startEngine, type RemoteModel } from 'pocket-phi/worker'
import type { TunedModel } from 'pocket-phi/tune'
import type { TuningCalls } from './calls.ts'
import { parseLines } from './lines.ts'
import { drawLosses } from './loss-curve.ts'

function find<T extends Element>(selector: string, kind: new () => T): T {
  const element = document.querySelector(selector)
  if (element instanceof kind) return element
  throw new Error(`index.html has no ${selector}`)
}

const lines = find('textarea', HTMLTextAreaElement)
const steps = find('input[name=steps]', HTMLInputElement)
const train = find('button[name=train]', HTMLButtonElement)
const stop = find('button[name=stop]', HTMLButtonElement)
const progress = find('progress', HTMLProgressElement)
const picture = find('svg', SVGSVGElement)
const status = find('[role=status]', HTMLParagraphElement)
const save = find('a[download]', HTMLAnchorElement)
const question = find('input[name=question]', HTMLInputElement)
const ask = find('button[name=ask]', HTMLButtonElement)
const before = find('#before', HTMLOutputElement)
const after = find('#after', HTMLOutputElement)

const folder = new URL('phi-nano', document.baseURI).href
const worker = new Worker(new URL('./tuning.worker.ts', import.meta.url), { type: 'module' })
const tuning = new Caller<TuningCalls>(worker)
const engine = startEngine()
/** Room for a short question and its answer: two models are held. */
const loadOptions = { context: 256 }
const original = engine.loadModel(folder, loadOptions)
let tuned: RemoteModel | undefined

async function trainOnLines(signal: AbortSignal): Promise<TunedModel> {
  const losses: number[] = []
  const input = { model: folder, conversations: parseLines(lines.value), steps: steps.valueAsNumber }
  return await tuning.call('tune', input, {
    signal,
    onNews: (news) => {
      losses.push(news.loss)
      progress.value = news.step / news.steps
      drawLosses(picture, losses, news.steps)
      status.textContent = `Update ${news.step} of ${news.steps}: loss ${news.loss.toFixed(3)}`
    },
  })
}

async function useTuned({ files, steps: done }: TunedModel): Promise<void> {
  await tuned?.dispose()
  tuned = await engine.loadModel(files, loadOptions)
  URL.revokeObjectURL(save.href)
  const weights = files.get('model.safetensors')
  save.href = URL.createObjectURL(new Blob(weights === undefined ? [] : [weights]))
  save.hidden = false
  ask.disabled = false
  status.textContent = `Trained with ${done} updates.`
}

/** Runs what a button was pressed for, and says what goes wrong. */
async function telling(action: () => Promise<void>): Promise<void> {
  try {
    await action()
  } catch (error) {
    status.textContent = error instanceof Error ? error.message : String(error)
  }
}

async function answerInto(output: HTMLOutputElement, model: RemoteModel): Promise<void> {
  output.textContent = ''
  for await (const { text } of model.chat().send(question.value)) output.append(text)
}

void telling(async () => {
  await original
})

find('#training', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault()
  const controller = new AbortController()
  stop.addEventListener('click', () => controller.abort(), { once: true })
  train.disabled = true
  stop.disabled = false
  void telling(async () => {
    await useTuned(await trainOnLines(controller.signal))
  }).finally(() => {
    train.disabled = false
    stop.disabled = true
  })
})

find('#asking', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault()
  ask.disabled = true
  void telling(async () => {
    await answerInto(before, await original)
    if (tuned !== undefined) await answerInto(after, tuned)
  }).finally(() => {
    ask.disabled = false
  })
})
