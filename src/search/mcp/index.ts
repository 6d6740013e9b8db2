/** Searches by a tool of an MCP server: a program that is started, or an address. */
import type { Client, Tool } from '@modelcontextprotocol/client'
import { PocketPhiError, throwIfAborted } from '../../base/errors.ts'
import { isJsonObject } from '../../formats/json.ts'
import { passageOf, type FindOptions, type Passage, type SearchProvider } from '../passage.ts'
import { splitText } from '../split.ts'

export interface McpPlace {
  /** Of a server, or the program with its arguments; those with spaces in double quotes. */
  readonly server: string
  /** Left out where the server has one tool, or one that is called after a search. */
  readonly tool?: string | undefined
}

export interface McpOptions {
  /** Of this package, for the server. */
  readonly version: string
  /** What a program is started with. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly signal?: AbortSignal | undefined
}

/** Milliseconds for what a server does: it asks others. */
const patience = 20_000

/**
 * Starts or finds a server, and its tool.
 *
 * @throws PocketPhiError `not-supported` without the package `@modelcontextprotocol/client`, or where no tool fits; `network` for a server that does not start or
 * answer; `aborted`
 */
export async function openMcp({ server, tool: wish }: McpPlace, options: McpOptions): Promise<SearchProvider> {
  const connect = await connector(server, options)
  throwIfAborted(options.signal)
  let client: Client | undefined
  try {
    client = await connect(options.signal)
    const { tools } = await client.listTools()
    const tool = chosenTool(tools, server, wish)
    return new McpProvider(client, connect, server, tool, queryArgument(tool, server))
  } catch (cause) {
    await client?.close().catch(() => {})
    throwIfAborted(options.signal)
    throw cause instanceof PocketPhiError ? cause : unanswered(server, cause)
  }
}

type Connect = (signal?: AbortSignal) => Promise<Client>

async function connector(server: string, { version, environment }: McpOptions): Promise<Connect> {
  const env = Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
  const { Client, makeTransport } = await loadClient(server, env)
  return async (signal) => {
    const client = new Client({ name: 'phi', version })
    await client.connect(makeTransport(), { timeout: patience, ...(signal && { signal }) })
    return client
  }
}

async function loadClient(server: string, env: Record<string, string>) {
  try {
    const [{ Client, StreamableHTTPClientTransport }, { StdioClientTransport }] = await Promise.all([
      import('@modelcontextprotocol/client'),
      import('@modelcontextprotocol/client/stdio'),
    ])
    const [command = '', ...args] = Array.from(
      server.matchAll(/"([^"]*)"|(\S+)/g),
      ([, quoted, word]) => quoted ?? word ?? '',
    )
    const makeTransport = () =>
      /^https?:/.test(server)
        ? new StreamableHTTPClientTransport(new URL(server))
        : new StdioClientTransport({ command, args, env, stderr: 'ignore' })
    return { Client, makeTransport }
  } catch (cause) {
    throw new PocketPhiError('not-supported', 'Servers of MCP need the package "@modelcontextprotocol/client".', {
      remedy: 'Install it: npm install @modelcontextprotocol/client@2',
      cause,
    })
  }
}

function unanswered(server: string, cause: unknown): PocketPhiError {
  return new PocketPhiError('network', `The MCP server "${server}" does not answer.`, {
    found: JSON.stringify(cause instanceof Error ? cause.message : String(cause)).slice(0, 300),
    remedy: 'See that it starts by itself, and what it prints then.',
    cause,
  })
}

function chosenTool(tools: readonly Tool[], server: string, wish: string | undefined): Tool {
  const searching = tools.filter(({ name }) => /search|find|query|retrieve/i.test(name))
  const fitting =
    wish !== undefined ? tools.filter(({ name }) => name === wish) : tools.length === 1 ? tools : searching
  const [tool] = fitting
  if (tool !== undefined && fitting.length === 1) return tool
  throw new PocketPhiError('not-supported', `It is not clear which tool of "${server}" searches.`, {
    found: tools.map(({ name }) => name).join(', ') || 'none',
    remedy: `Name one: mcp:${server}#${tools[0]?.name ?? 'TOOL'}`,
  })
}

/** The argument of a tool that takes the query: the one that it must be given, or one that is called so. */
function queryArgument({ name, inputSchema }: Tool, server: string): string {
  const { properties = {}, required = [] } = inputSchema
  const texts = Object.keys(properties).filter((key) => {
    const property = properties[key]
    return isJsonObject(property) && property.type === 'string'
  })
  const needed = texts.filter((key) => required.includes(key))
  const named = texts.find((key) => /^(?:q|query|text|question|search|search_?query)$/i.test(key))
  const argument = needed.length === 1 ? needed[0] : named
  if (argument !== undefined && required.every((key) => key === argument)) return argument
  throw new PocketPhiError('not-supported', `The tool "${name}" of "${server}" wants more than a query.`, {
    expected: 'one text that it must be given',
    found: required.join(', ') || 'none',
  })
}

class McpProvider implements SearchProvider {
  readonly name: string
  readonly isLocal = false
  #client: Client
  readonly #connect: Connect
  readonly #tool: Tool
  readonly #argument: string

  constructor(client: Client, connect: Connect, server: string, tool: Tool, argument: string) {
    this.name = `${tool.name} of ${server}`
    this.#client = client
    this.#connect = connect
    this.#tool = tool
    this.#argument = argument
  }

  async find(query: string, { count, signal }: FindOptions): Promise<readonly Passage[]> {
    throwIfAborted(signal)
    try {
      const texts = await this.#call(query, signal)
      return texts.flatMap((text) => passagesIn(text, this.name)).slice(0, count)
    } catch (cause) {
      throwIfAborted(signal)
      throw unanswered(this.name, cause)
    }
  }

  async #call(query: string, signal: AbortSignal | undefined): Promise<string[]> {
    // Ctrl-C at a terminal ends the programs that were started as well as the answer.
    if (this.#client.transport === undefined) this.#client = await this.#connect(signal)
    const call = { name: this.#tool.name, arguments: { [this.#argument]: query } }
    const { content, isError } = await this.#client.callTool(call, { timeout: patience, ...(signal && { signal }) })
    const texts = content.flatMap((part) => (part.type === 'text' ? [part.text] : []))
    if (isError === true) throw new Error(texts.join(' ') || 'no reason was given')
    return texts
  }

  async close(): Promise<void> {
    await this.#client.close()
  }
}

/** Results as JSON, where they are; else what the text says. */
function passagesIn(text: string, name: string): Passage[] {
  const value = jsonIn(text)
  if (value !== undefined) return resultsIn(value)
  return splitText(text, { markdown: true }).map(({ heading, text: part }) =>
    passageOf({ title: heading || name, address: name, text: part }),
  )
}

/** An object or a list; undefined for other texts. */
function jsonIn(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** Those of the first list that has some, or the object itself where it is one. */
function resultsIn(value: object): Passage[] {
  const lists = Array.isArray(value) ? [value] : [...Object.values(value).filter(Array.isArray), [value]]
  for (const list of lists) {
    const results = list.flatMap((row: unknown) => (isJsonObject(row) ? resultOf(row) : []))
    if (results.length > 0) return results
  }
  return []
}

function resultOf(row: Readonly<Record<string, unknown>>): Passage[] {
  const field = (...names: readonly string[]): string | undefined =>
    names.map((one) => row[one]).find((one): one is string => typeof one === 'string' && one.trim() !== '')
  const said = field('text', 'content', 'snippet', 'description', 'body')
  const address = field('url', 'link', 'address', 'source', 'id')
  if (said === undefined || address === undefined) return []
  const [first] = splitText(said)
  return first === undefined ? [] : [passageOf({ title: field('title', 'name') ?? address, address, text: first.text })]
}
