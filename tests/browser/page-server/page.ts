/** A page that serves a model to itself, and asks it with the official client of OpenAI. */
import OpenAI, { APIUserAbortError, type APIError } from 'openai'
import { loadModel, type PhiModel } from '../../../src/index.ts'
import { servePage, type PageServer } from '../../../src/server/page/index.ts'
import { startEngine } from '../../../src/worker/index.ts'

const client = new OpenAI({
  baseURL: `${location.origin}/v1`,
  apiKey: 'none',
  dangerouslyAllowBrowser: true,
  maxRetries: 0,
})
const asked = { model: 'phi', messages: [{ role: 'user' as const, content: 'What is a dog?' }] }

let model: PhiModel | undefined
let server: PageServer | undefined

/** Registers the service worker and waits until it has this page. */
async function control(): Promise<void> {
  const { serviceWorker } = navigator
  const controlled = new Promise<void>((resolve) =>
    serviceWorker.addEventListener('controllerchange', () => resolve(), { once: true }),
  )
  await serviceWorker.register('./service-worker.js', { type: 'module' })
  if (serviceWorker.controller === null) await controlled
}

/** Serves the model: in the page, or in a worker of its own. */
async function serve(url: string, isRemote = false): Promise<void> {
  const options = { threads: 1, context: 512, maxSequences: 2 }
  if (isRemote) {
    server = servePage(await startEngine().loadModel(url, options), { name: 'phi' })
  } else {
    model = await loadModel(url, options)
    server = servePage(model, { name: 'phi' })
  }
  await server.isServing
}

/** What an error of the client tells. */
interface Failure {
  readonly isAbort: boolean
  readonly status: number | undefined
  readonly code: string | null | undefined
  readonly message: string
}

async function failure(work: () => Promise<unknown>): Promise<Failure | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    const { status, code, message } = error as APIError
    return { isAbort: error instanceof APIUserAbortError, status, code, message }
  }
}

async function answer(): Promise<string | null | undefined> {
  const { choices } = await client.chat.completions.create(asked)
  return choices[0]?.message.content
}

async function stream(): Promise<string[]> {
  const pieces: string[] = []
  for await (const { choices } of await client.chat.completions.create({ ...asked, stream: true })) {
    pieces.push(choices[0]?.delta.content ?? '')
  }
  return pieces
}

async function bySchema(schema: Record<string, unknown>): Promise<unknown> {
  const { choices } = await client.chat.completions.create({
    ...asked,
    max_tokens: 100,
    response_format: { type: 'json_schema', json_schema: { name: 'thing', schema, strict: true } },
  })
  return JSON.parse(choices[0]?.message.content ?? '') as unknown
}

async function logprobs(): Promise<string | undefined> {
  const { choices } = await client.chat.completions.create({ ...asked, logprobs: true, top_logprobs: 2 })
  return choices[0]?.logprobs?.content?.map(({ token }) => token).join('')
}

async function functionCall(): Promise<unknown> {
  const parameters = {
    type: 'object',
    properties: { size: { enum: ['small', 'large'] } },
    required: ['size'],
    additionalProperties: false,
  }
  const { choices } = await client.chat.completions.create({
    ...asked,
    tools: [{ type: 'function', function: { name: 'look_up', parameters } }],
    tool_choice: { type: 'function', function: { name: 'look_up' } },
    max_tokens: 200,
  })
  const [call] = choices[0]?.message.tool_calls ?? []
  return call?.type === 'function' ? { name: call.function.name, ...JSON.parse(call.function.arguments) } : undefined
}

async function vector(): Promise<number[] | undefined> {
  const { data } = await client.embeddings.create({ model: 'phi', input: 'A dog' })
  return data[0]?.embedding
}

async function failures(): Promise<(Failure | undefined)[]> {
  const { completions } = client.chat
  return [
    await failure(() => completions.create({ ...asked, model: 'other' })),
    await failure(() => completions.create({ ...asked, top_p: 2 })),
    await failure(() => completions.create({ ...asked, top_p: 2, stream: true })),
    await failure(() => completions.create({ ...asked, messages: [{ role: 'user', content: 'dog '.repeat(600) }] })),
  ]
}

/** Without an end of its own: no token of the model ends it. */
const endless = (): typeof asked & { max_tokens: number; logit_bias: Record<string, number> } => ({
  ...asked,
  max_tokens: 400,
  logit_bias: Object.fromEntries((model?.stopIds ?? []).map((id) => [id, -100])),
})

/** Ends a stream in its middle, and a whole answer before it is there. @returns rows that the stream took of the engine, and what the client said */
async function abort(): Promise<{ readonly rows: number; readonly isAbort: boolean | undefined }> {
  const rows = (): number => model?.counters.rows ?? NaN
  const start = rows()
  let count = 0
  for await (const _ of await client.chat.completions.create({ ...endless(), stream: true })) if (++count === 5) break
  await idle()
  const middle = rows()
  const controller = new AbortController()
  const ended = failure(() => client.chat.completions.create(endless(), { signal: controller.signal }))
  while (rows() < middle + 5) await turn()
  controller.abort()
  const isAbort = (await ended)?.isAbort
  await idle()
  return { rows: middle - start, isAbort }
}

async function turn(): Promise<void> {
  await new Promise<void>((resolve) => requestAnimationFrame(() => resolve()))
}

/** Waits until the model has room for two whole contexts, as it has when nothing is answered. */
async function idle(): Promise<void> {
  while (model?.engine.hasRoomFor(1024) !== true) await turn()
}

/** Begins a stream and tells when its first piece is there, then how it ended. */
let streaming: Promise<Failure | undefined> | undefined
async function beginStream(): Promise<void> {
  const first = Promise.withResolvers<void>()
  streaming = failure(async () => {
    for await (const _ of await client.completions.create({
      model: 'phi',
      prompt: Array.from({ length: 64 }, () => 'A dog'),
      n: 64,
      stream: true,
    }))
      first.resolve()
  })
  await Promise.race([first.promise, streaming])
}

const scenarios = {
  ...{ control, serve, answer, stream, bySchema, logprobs, functionCall, vector, failures, abort, beginStream },
  none: (): Promise<Failure | undefined> => failure(answer),
  endOfStream: (): Promise<Failure | undefined> => streaming ?? Promise.resolve(undefined),
  close: async (): Promise<void> => await server?.close(),
}

declare global {
  var served: typeof import('./page.ts').scenarios
}
export { scenarios }
globalThis.served = scenarios
