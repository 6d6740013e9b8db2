/**
 * A model behind OpenAI's interface, as a function from a request to a response: in Node (`node/listen.ts`) and wherever else
 * requests are.
 */
import { Hono, type Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { cors } from 'hono/cors'
import { matchedRoutes } from 'hono/route'
import type { EngineCounters } from '../engine/counters.ts'
import type { TakenPicture } from '../openai/answers.ts'
import { answer } from './answer.ts'
import { Desk } from './desk.ts'
import { endpointsOf, type ServedModel } from './endpoints.ts'
import { Exchange } from './exchange.ts'
import { Figures, type RequestRecord } from './figures.ts'
import { checkHost, checkOrigin } from './guard.ts'
import { KeyRing } from './keys.ts'
import { prometheusType } from './prometheus.ts'
import { RateLimit } from './rate-limit.ts'
import { answerTo, Refusal } from './refusals.ts'
import type { ServedSearch } from './search.ts'

export interface ServerOptions {
  /** The name of the model in lists and answers; a request for another one is refused. */
  readonly name: string
  /** Requests that are answered or wait, together. */
  readonly places: number
  /** Seconds that a request may take, waiting included. */
  readonly timeout: number
  /** Seconds that a reader of a stream may leave it unread. */
  readonly patience: number
  /** Bytes of a request's body at most. */
  readonly bodyLimit: number
  /** Who asks must have one of them; none are wanted where there are none. */
  readonly keys?: readonly string[]
  /** Requests for answers a minute with each key, or of all where there are no keys. */
  readonly rate?: number
  /** Origins of pages that may ask, beside the server's own. */
  readonly origins?: readonly string[]
  /** Names under which the server is reached, beside localhost and addresses. */
  readonly hosts?: readonly string[]
  /** Where answers find sources, for requests that ask for some; those are refused where it is left out. */
  readonly search?: ServedSearch
  /** What the engine has done so far, for the figures. */
  readonly counters: () => EngineCounters | Promise<EngineCounters>
  /** Gets a line for each request. */
  readonly onRequest?: (record: RequestRecord) => void
  /** Gets errors that are no fault of the request, and should not be there. */
  readonly onDefect?: (error: unknown) => void
}

/** A server without a network. */
export interface ServerApp {
  fetch(request: Request): Promise<Response>
  /** Refuses new requests for answers, and waits until those that are being answered are sent. */
  drain(): Promise<void>
}

type Environment = { Variables: { exchange: Exchange } }
type App = Hono<Environment>

/** The path of what concerns all requests. */
const everyPath = '/*'

/** Paths that are open to all: a load balancer has no key. */
const openPaths: ReadonlySet<string> = new Set(['/health'])

/** Puts a model behind OpenAI's interface. It stays the caller's, to be disposed of after `drain`. */
export function createServerApp<Picture extends TakenPicture>(
  model: ServedModel<Picture>,
  options: ServerOptions,
): ServerApp {
  const desk = new Desk(options)
  const figures = new Figures()
  const app: App = new Hono<Environment>()
  app.onError((error, context) => refuse(context, error, options))
  app.notFound((context) => refuse(context, unknownUrl(context), options))
  watch(app, figures, options)
  guard(app, options)
  addAnswers(app, desk, model, options)
  addModels(app, options)
  addState(app, desk, figures, options)
  refuseOtherMethods(app)
  return { fetch: async (request) => await app.fetch(request), drain: () => desk.close() }
}

/** Follows every request to its end. */
function watch(app: App, figures: Figures, { onRequest }: ServerOptions): void {
  app.use(async (context, next) => {
    const route = matchedRoutes(context).findLast(({ path }) => path !== everyPath)
    const exchange = new Exchange(context.req.method, route?.path, (record) => {
      figures.record(record)
      onRequest?.(record)
    })
    context.set('exchange', exchange)
    await next()
    exchange.responded(context.res.status)
  })
}

/** Lets through who may ask. */
function guard(app: App, { hosts = [], origins = [], keys = [] }: ServerOptions): void {
  const ring = new KeyRing(keys)
  app.use(async (context, next) => {
    checkHost(context.req.raw, hosts)
    checkOrigin(context.req.raw, origins)
    await next()
  })
  app.use(cors({ origin: [...origins], allowMethods: ['GET', 'POST'], exposeHeaders: ['Retry-After'], maxAge: 600 }))
  app.use(async (context, next) => {
    if (keys.length > 0 && !openPaths.has(context.req.path)) {
      context.get('exchange').key = await ring.check(context.req.raw)
    }
    await next()
  })
}

function addAnswers<Picture extends TakenPicture>(
  app: App,
  desk: Desk,
  model: ServedModel<Picture>,
  options: ServerOptions,
): void {
  const { name, bodyLimit: maxSize, patience, rate } = options
  const limit = rate === undefined ? undefined : new RateLimit(rate, () => performance.now())
  const tooLarge = (): never => {
    throw new Refusal('body_too_large', 'The body of the request is too large.', {
      expected: `at most ${maxSize} bytes`,
    })
  }
  for (const [path, read] of Object.entries(endpointsOf(model, options))) {
    app.post(path, bodyLimit({ maxSize, onError: tooLarge }), async (context) => {
      const exchange = context.get('exchange')
      limit?.take(exchange.key ?? 0)
      const asked = read(await readJson(context.req.raw))
      if (asked.model !== undefined && asked.model !== name) throw unknownModel(asked.model, name)
      return await answer(asked, desk.enter(context.req.raw.signal), exchange, { patience, report: reporter(options) })
    })
  }
}

/** @throws Refusal `unsupported_media_type`, `invalid_json` */
async function readJson(request: Request): Promise<unknown> {
  const type = request.headers.get('content-type') ?? 'none'
  // A page could send other types to a server of another origin without being asked whether it may.
  if (!/^application\/json\s*(?:;|$)/i.test(type)) {
    throw new Refusal('unsupported_media_type', 'The body of the request has another type.', {
      expected: 'the header "Content-Type: application/json"',
      found: type,
    })
  }
  const text = await request.text()
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new Refusal('invalid_json', 'The body of the request is no JSON.', { found: String(error), cause: error })
  }
}

function unknownModel(found: string, name: string): Refusal {
  return new Refusal('model_not_found', 'This server has another model.', { expected: name, found })
}

function addModels(app: App, { name }: ServerOptions): void {
  const created = Math.floor(Date.now() / 1000)
  const model = { id: name, object: 'model', created, owned_by: 'pocket-phi' }
  app.get('/v1/models', (context) => context.json({ object: 'list', data: [model] }))
  // Names of the hub have a slash in them.
  app.get('/v1/models/:name{.+}', (context) => {
    const found = context.req.param('name')
    if (found !== name) throw unknownModel(found, name)
    return context.json(model)
  })
}

function addState(app: App, desk: Desk, figures: Figures, { counters }: ServerOptions): void {
  app.get('/health', (context) =>
    desk.isClosing ? context.json({ status: 'closing' }, 503) : context.json({ status: 'ok' }),
  )
  app.get('/metrics', async (context) =>
    context.body(figures.text(desk.visits, await counters()), 200, { 'content-type': prometheusType }),
  )
}

/** After the paths that there are: who comes here with one of them has another method. */
function refuseOtherMethods(app: App): void {
  const methods = new Map(app.routes.filter(({ path }) => path !== everyPath).map(({ path, method }) => [path, method]))
  for (const [path, allow] of methods) {
    app.all(path, (context) => {
      throw new Refusal('method_not_allowed', 'This path has another method.', {
        expected: allow,
        found: context.req.method,
        headers: { allow },
      })
    })
  }
}

function unknownUrl({ req }: Context): Refusal {
  return new Refusal('unknown_url', 'There is nothing under this path.', { found: `${req.method} ${req.path}` })
}

function reporter({ onDefect }: ServerOptions): (error: unknown) => void {
  return (error) => {
    if (answerTo(error).status === 500) onDefect?.(error)
  }
}

function refuse(context: Context<Environment>, error: unknown, options: ServerOptions): Response {
  const { status, error: body, headers } = answerTo(error)
  reporter(options)(error)
  context.get('exchange').error = body.code ?? body.type
  return Response.json({ error: body }, { status, headers })
}
