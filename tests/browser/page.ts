/** The script of the tests' page: what somebody would write who uses the library in one. */
import { loadModel, PocketPhiError, type Execution, type LoadModelOptions, type ModelSource } from '../../src/index.ts'
import { startEngine } from '../../src/worker/index.ts'

/** What can be sent from the page to the test. */
export interface Answer {
  readonly isolated: boolean
  readonly backend: string
  readonly execution: Execution
  readonly ids: readonly number[]
  readonly logprobs: readonly number[]
  readonly text: string
  readonly chat: string
}

/** A greedy answer to ids, and the first turn of a chat. Also runs in Node, for the test to compare with. */
export async function answer(source: ModelSource, ids: readonly number[], options: LoadModelOptions): Promise<Answer> {
  const model = await loadModel(source, options)
  try {
    const result = await model.generate(ids, { maxTokens: 24, stopIds: [], logprobs: 0 }).result()
    const chat = await model.chat({ system: 'the model helps' }).send('hello there', { maxTokens: 12 }).result()
    return {
      isolated: globalThis.crossOriginIsolated,
      backend: model.backend,
      execution: model.execution,
      ids: result.ids,
      logprobs: result.logprobs?.map(({ logprob }) => logprob) ?? [],
      text: result.text,
      chat: chat.text,
    }
  } finally {
    await model.dispose()
  }
}

/** The same from a model in a worker of its own, relative to the page as well. */
async function answerFromWorker(url: string, ids: readonly number[]): Promise<Omit<Answer, 'isolated' | 'logprobs'>> {
  const engine = startEngine()
  try {
    const model = await engine.loadModel(url, { threads: 2 })
    const result = await model.generate(ids, { maxTokens: 24, stopIds: [] }).result()
    const chat = await model.chat({ system: 'the model helps' }).send('hello there', { maxTokens: 12 }).result()
    const { backend, execution } = model
    return { backend, execution, ids: result.ids, text: result.text, chat: chat.text }
  } finally {
    await engine.dispose()
  }
}

/** A file of a picture in base64, and the pixels that it has elsewhere. */
export interface PictureCase {
  readonly file: string
  readonly width: number
  readonly height: number
  /** Four bytes each, in base64. */
  readonly pixels: string
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}

/** Of each file whether it has those pixels: the same pixels are the same picture. */
async function comparePictures(url: string, cases: readonly PictureCase[]): Promise<boolean[]> {
  const model = await loadModel(url, { backend: 'wasm' })
  try {
    const same: boolean[] = []
    for (const { file, width, height, pixels } of cases) {
      const expected = await model.picture({ width, height, data: bytesOf(pixels) })
      same.push((await model.picture(bytesOf(file))) === expected)
    }
    return same
  } finally {
    await model.dispose()
  }
}

/** What a model in a worker says of a picture, and what that costs. */
async function lookInWorker(url: string, file: string): Promise<{ readonly tokens: number; readonly text: string }> {
  const engine = startEngine()
  try {
    const model = await engine.loadModel(url, { threads: 2 })
    const picture = await model.picture(bytesOf(file), { transfer: true })
    const { text } = await model
      .chat()
      .send('what is it?', { pictures: [picture], maxTokens: 12 })
      .result()
    return { tokens: picture.tokens, text }
  } finally {
    await engine.dispose()
  }
}

/** How a worker fails whose script or model is not there. */
async function failInWorker(url: string): Promise<{ readonly code: string; readonly remedy: string | undefined }> {
  const engine = startEngine()
  try {
    await engine.loadModel(url)
    return { code: 'loaded', remedy: undefined }
  } catch (error) {
    return error instanceof PocketPhiError
      ? { code: error.code, remedy: error.remedy }
      : { code: String(error), remedy: undefined }
  }
}

/** Aborts an answer in its middle and asks once more: the model must still be whole. */
async function abortAnswer(
  url: string,
  ids: readonly number[],
): Promise<{ finish: string; first: readonly number[]; again: readonly number[] }> {
  const model = await loadModel(url)
  try {
    const controller = new AbortController()
    const generation = model.generate(ids, { maxTokens: 24, stopIds: [], signal: controller.signal })
    let seen = 0
    for await (const chunk of generation) {
      seen += chunk.ids.length
      if (seen >= 5) controller.abort()
    }
    const { finish, ids: first } = await generation.result()
    const again = await model.generate(ids, { maxTokens: 24, stopIds: [] }).result()
    return { finish, first, again: again.ids }
  } finally {
    await model.dispose()
  }
}

let loading: AbortController | undefined

/** Starts to load and tells how that ended. */
async function load(url: string): Promise<string> {
  loading = new AbortController()
  try {
    await (await loadModel(url, { signal: loading.signal })).dispose()
    return 'loaded'
  } catch (error) {
    return error instanceof PocketPhiError ? error.code : String(error)
  }
}

const scenarios = {
  answerFromUrl: answer,
  answerFromFiles: (ids: readonly number[], options: LoadModelOptions): Promise<Answer> =>
    answer([...(document.querySelector('input')?.files ?? [])], ids, options),
  answerFromWorker,
  comparePictures,
  lookInWorker,
  failInWorker,
  abortAnswer,
  load,
  abortLoad: (): void => loading?.abort(),
}

declare global {
  var scenarios: typeof import('./page.ts').scenarios
}
export { scenarios }
globalThis.scenarios = scenarios
