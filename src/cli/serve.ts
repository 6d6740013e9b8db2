/** `phi serve`: an OpenAI-compatible server. */
import { once } from 'node:events'
import type { Command } from 'commander'
import { PocketPhiError } from '../base/errors.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import type { ServerOptions } from '../server/app.ts'
import { UsageError } from './errors.ts'
import { readTextFile } from './files.ts'
import { interruptible } from './interrupt.ts'
import { modelPlace, optionalModelArgument } from './model-folder.ts'
import { openModel } from './open-model.ts'
import { addEngineOptions, byteSize, decimal, given, integer, repeated, type EngineOptions } from './options.ts'
import type { ServedSearch } from '../server/search.ts'
import {
  addSearchOptions,
  failureLines,
  nothingFound,
  openSearcher,
  type Searcher,
  type SearchOptions,
} from './search-options.ts'
import { note, print, printJson } from './terminal.ts'

interface ServeOptions extends EngineOptions, SearchOptions {
  readonly host: string
  readonly port: number
  readonly name?: string
  readonly parallel: number
  readonly cacheTokens?: number
  readonly queue: number
  readonly timeout: number
  readonly bodyLimit: number
  readonly keys?: string
  readonly rate?: number
  readonly cors?: string[]
  readonly allowHost?: string[]
  readonly log?: boolean
}

/** Seconds that a reader may leave what was written for it unread. */
const patience = 60

export function registerServe(program: Command): void {
  const command = program
    .command('serve')
    .description('Serve a model with the interface of OpenAI: chat completions, completions, embeddings, models.')
    .argument('[model]', optionalModelArgument)
    .option('--host <address>', 'address to listen on; 0.0.0.0 for all of the machine', '127.0.0.1')
    .option('--port <n>', 'port to listen on; 0 for any that is free', integer(0, 65_535), 8080)
    .option('--name <name>', 'name of the model in requests and answers (default: as it was given)')
    .option('--parallel <n>', 'requests that are answered at once; each takes room for a context', integer(1, 1024), 8)
    .option(
      '--cache-tokens <n>',
      'tokens that these have room for together; they wait for each other then (default: a context each)',
      integer(1),
    )
    .option('--queue <n>', 'requests that may wait beside those that are answered', integer(0), 64)
    .option('--timeout <seconds>', 'how long a request may take, waiting included', decimal(0, 2 ** 21, true), 600)
    .option('--body-limit <size>', 'how large the body of a request may be', byteSize, 4 * 2 ** 20)
    .option('--keys <file>', 'ask for one of the keys in this file, one a line; # begins a comment')
    .option(
      '--rate <n>',
      'requests for answers a minute with each key (of all together where there are no keys)',
      integer(1),
    )
    .option('--cors <origin>', 'let pages of this origin ask, such as https://example.org; repeatable', repeated)
    .option('--allow-host <name>', 'be reached under this name, beside localhost and addresses; repeatable', repeated)
    .option('--log', 'print a line of JSON for each request')
  addEngineOptions(addSearchOptions(command))
    .addHelpText(
      'after',
      `
Examples:
  $ phi serve phi-nano
  $ phi serve phi-3-mini --host 0.0.0.0 --keys keys.txt --rate 60 --log
  $ phi serve phi-3-mini --search notes.index       (for requests with "web_search_options": {})
  $ curl http://127.0.0.1:8080/v1/chat/completions -H "Content-Type: application/json" \\
      -d '{"messages": [{"role": "user", "content": "What is a fox?"}]}'

Ctrl-C or SIGTERM lets running answers end and takes no new ones; a second one ends at once.`,
    )
    .action(serve)
}

async function serve(name: string | undefined, options: ServeOptions): Promise<void> {
  const keys = options.keys === undefined ? [] : await readKeys(options.keys)
  const origins = (options.cors ?? []).map(checkedOrigin)
  const place = await modelPlace(name)
  await interruptible(
    async (signal) => {
      const engine = { ...options, maxSequences: options.parallel }
      await using model = await openModel(place, engine, signal)
      await using searcher = await openSearcher(model, options, signal)
      const served = options.name ?? place.name
      // Nothing of it is loaded before it is wanted, since it is for this command alone.
      const { createServerApp } = await import('../server/app.ts')
      const { listen } = await import('../server/node/listen.ts')
      const search = searcher && servedSearch(searcher)
      const app = createServerApp(model, {
        ...serverOptions(model, served, options),
        ...given({ search }),
        ...{ keys, origins },
      })
      const server = await listen(app, { ...options, patience })
      announce(server.url, served, model, options)
      if (!signal.aborted) await once(signal, 'abort')
      await server.close()
    },
    () => note('Closing: running answers end, new requests are refused. Once more to end at once.'),
  )
}

/** Places that fail are named here, since those who ask hear of the others alone. */
function servedSearch(searcher: Searcher): ServedSearch {
  return {
    nothingFound: nothingFound(searcher),
    async ground(question, said, signal) {
      const grounded = await searcher.ground(question, said, signal)
      for (const line of grounded === undefined ? [] : failureLines(grounded)) note(line)
      return grounded
    },
  }
}

function serverOptions(model: PhiModel, name: string, options: ServeOptions): ServerOptions {
  const { parallel, queue, timeout, bodyLimit, rate, allowHost, log } = options
  return {
    ...given({ rate, hosts: allowHost }),
    name,
    places: parallel + queue,
    timeout,
    patience,
    bodyLimit,
    counters: () => model.counters,
    onDefect: (error) => note(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    ...(log === true ? { onRequest: printJson } : {}),
  }
}

function announce(url: string, name: string, model: PhiModel, options: ServeOptions): void {
  const { parallel, host, keys } = options
  const room = `${model.context} tokens of context, ${parallel} at once, on ${model.backend}`
  const line = `${name} is served at ${url}/v1 (${room}). Ctrl-C ends it.`
  // With --log, standard output is for programs.
  if (options.log === true) note(line)
  else print(line)
  const isLocal = /^(?:127\.|::1$|localhost$)/.test(host)
  if (!isLocal && keys === undefined)
    note('Whoever reaches this address can use the model: --keys FILE asks for a key.')
}

/** @throws PocketPhiError `not-found`, or `invalid-argument` for a file without keys */
async function readKeys(path: string): Promise<string[]> {
  const lines = (await readTextFile(path, 'file of keys')).split('\n').map((line) => line.replace(/#.*/, '').trim())
  const keys = lines.filter((line) => line !== '')
  if (keys.length > 0) return keys
  throw new PocketPhiError('invalid-argument', `There are no keys in "${path}".`, { expected: 'one key a line' })
}

/** @throws UsageError for what no page can have as its origin */
function checkedOrigin(origin: string): string {
  if (URL.canParse(origin) && new URL(origin).origin === origin) return origin
  throw new UsageError(`--cors wants an origin such as https://example.org, without a path; "${origin}" is none.`)
}
