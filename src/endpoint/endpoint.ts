/** Requests to a server with OpenAI's interface, and what its refusals mean. */
import { z } from 'zod'
import { systemClock, type Clock } from '../base/clock.ts'
import { PocketPhiError } from '../base/errors.ts'
import { askedWait, PassingError } from '../base/retry.ts'

/** A model of a server. */
export interface Endpoint {
  /** Up to the names of the interface: `http://127.0.0.1:8000/v1`. */
  readonly url: string
  readonly model: string
  /** Sent as a bearer token. */
  readonly key?: string | undefined
  /** The environment variable that has the key, for errors. */
  readonly keyName?: string | undefined
}

/** A prompt that the server has no room for. */
export class PromptTooLong extends PocketPhiError {}

/** The server has no such part of the interface. */
export class NoSuchRoute extends PocketPhiError {}

const errorSchema = z.object({ error: z.object({ message: z.string(), code: z.unknown() }) })
const modelsSchema = z.object({ data: z.array(z.object({ id: z.string() })) })

/**
 * The names of the models of a server.
 *
 * @throws PocketPhiError as `askEndpoint`
 */
export async function modelsOfEndpoint(endpoint: Omit<Endpoint, 'model'>): Promise<readonly string[]> {
  const { data } = await askEndpoint(endpoint, 'models', undefined, modelsSchema)
  return data.map(({ id }) => id)
}

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined
  /** What dates in answers are compared with. */
  readonly clock?: Clock
}

/**
 * Asks a server: with a body by POST, else by GET.
 *
 * @throws PocketPhiError `network` for a server that cannot be reached, is busy or broken; `no-access`; `not-found` for a model that it
 * does not have; `NoSuchRoute`, `PromptTooLong`; `invalid-argument` for what else it refuses; `invalid-file` for an answer of another form;
 * `aborted`
 */
export async function askEndpoint<Schema extends z.ZodType>(
  endpoint: Omit<Endpoint, 'model'>,
  route: string,
  body: object | undefined,
  schema: Schema,
  options: RequestOptions = {},
): Promise<z.infer<Schema>> {
  try {
    return await tryEndpoint(endpoint, route, body, schema, options)
  } catch (error) {
    throw error instanceof PassingError ? error.problem : error
  }
}

/**
 * The same for those who try again (`withRetries`).
 *
 * @throws PassingError with how long the server asks to wait, where it cannot be reached, is busy or broken; else as `askEndpoint`
 */
export async function tryEndpoint<Schema extends z.ZodType>(
  { url, key, keyName }: Omit<Endpoint, 'model'>,
  route: string,
  body: object | undefined,
  schema: Schema,
  { signal, clock = systemClock }: RequestOptions = {},
): Promise<z.infer<Schema>> {
  const address = `${url.replace(/\/+$/, '')}/${route}`
  const text = await fetchText(address, requestOf(body, key, signal), { clock, keyName })
  const parsed = schema.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  throw new PocketPhiError('invalid-file', `The answer of ${address} cannot be read.`, {
    expected: "JSON as OpenAI's interface has it",
    found: text.slice(0, 200),
    cause: parsed.error,
  })
}

function requestOf(body: object | undefined, key: string | undefined, signal: AbortSignal | undefined): RequestInit {
  return {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  }
}

/** Who is told how long to wait may be told so again: a limit says nothing about the request. */
const mostAskedWaits = 20

interface Circumstances {
  readonly clock: Clock
  readonly keyName: string | undefined
}

async function fetchText(address: string, request: RequestInit, { clock, keyName }: Circumstances): Promise<string> {
  let text: string
  let response: Response
  try {
    response = await fetch(address, request)
    text = await response.text()
  } catch (cause) {
    if (request.signal?.aborted === true) throw new PocketPhiError('aborted', 'The request was stopped.', { cause })
    throw new PassingError(
      new PocketPhiError('network', `The server of ${address} cannot be reached.`, {
        found: String(cause),
        remedy: 'Check the address, and that the server runs; the same command goes on from the answers so far.',
        cause,
      }),
    )
  }
  if (response.ok) return text
  const refusal = refusalOf(address, response.status, text, keyName)
  if (refusal.code !== 'network') throw refusal
  const wait = askedWait(response.headers, clock.now())
  throw new PassingError(refusal, wait === undefined ? {} : { wait, failures: mostAskedWaits })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function refusalOf(address: string, status: number, text: string, keyName = 'PHI_ENDPOINT_KEY'): PocketPhiError {
  const said = errorSchema.safeParse(parseJson(text)).data?.error
  const found = `status ${status}: ${(said?.message ?? text).slice(0, 300)}`
  if (status === 401 || status === 403) {
    return new PocketPhiError('no-access', `${address} does not know who asks.`, {
      found,
      remedy: `Give the key of the server in the environment variable ${keyName}.`,
    })
  }
  if (status === 408 || status === 429 || status >= 500) {
    const remedy = 'The same command goes on from the answers so far.'
    return new PocketPhiError('network', `${address} does not answer now.`, { found, remedy })
  }
  if (said?.code === 'model_not_found')
    return new PocketPhiError('not-found', `${address} has no such model.`, { found })
  if (status === 404 || status === 405) return new NoSuchRoute('not-supported', `There is no ${address}.`, { found })
  const isTooLong =
    said?.code === 'context_length_exceeded' || /context (?:length|size|window)|maximum context/i.test(found)
  if (isTooLong) {
    const remedy = 'Let the server have a larger context.'
    return new PromptTooLong('context-full', `A prompt exceeds the context of ${address}.`, { found, remedy })
  }
  return new PocketPhiError('invalid-argument', `${address} refuses a request.`, { found })
}
