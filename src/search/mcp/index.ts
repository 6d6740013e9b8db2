/** Searches by a tool of an MCP server: a program that is started, or an address. */
import type { Client, Tool } from '@modelcontextprotocol/client'
import { PocketPhiError, throwIfAborted } from '../../base/errors.ts'
import { isJsonObject } from '../../formats/json.ts'
import type { FindOptions, Passage, SearchProvider } from '../passage.ts'
import { splitText } from '../split.ts'

export interface McpPlace {
  /** Of a server, or the program with its arguments. */
  readonly server: string
  /** Left out where the server has one tool, or one that is called after a search. */
  readonly tool?: string | undefined
}

/** Milliseconds for what a server does: it asks others. */
const patience = 20_000

/**
 * Starts or finds a server, and its tool.
 *
 * @throws PocketPhiError `not-supported` without the package `@modelcontextprotocol/client`, or where no tool fits; `network` for a server that does not start or
 * answer
 */
export async function openMcp({ server, tool: wish }: McpPlace, version: string): Promise<SearchProvider> {
  const { Client, connect } = await loadClient(server)
  const client = new Client({ name: 'phi', version })
  try {
    await connect(client)
    const { tools } = await client.listTools()
    const tool = chosenTool(tools, server, wish)
    return new McpProvider(client, server, tool, queryArgument(tool, server))
  } catch (cause) {
    await client.close().catch(() => {})
    throw cause instanceof PocketPhiError ? cause : unanswered(server, cause)
  }
}

async function loadClient(server: string) {
  try {
    const [{ Client, StreamableHTTPClientTransport }, { StdioClientTransport }] = await Promise.all([
      import('@modelcontextprotocol/client'),
      import('@modelcontextprotocol/client/stdio'),
    ])
    const [command = '', ...args] = server.split(/\s+/)
    const makeTransport = () =>
      /^https?:/.test(server)
        ? new StreamableHTTPClientTransport(new URL(server))
        : new StdioClientTransport({ command, args, stderr: 'ignore' })
    return { Client, connect: (client: Client) => client.connect(makeTransport(), { timeout: patience }) }
  } catch (cause) {
    throw new PocketPhiError('not-supported', 'Servers of MCP need the package "@modelcontextprotocol/client".', {
      remedy: 'Install it: npm install @modelcontextprotocol/client@2',
      cause,
    })
  }
}

function unanswered(server: string, cause: unknown): PocketPhiError {
  return new PocketPhiError('network', `The MCP server "${server}" does not answer.`, {
    found: cause instanceof Error ? cause.message : String(cause),
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
  readonly #client: Client
  readonly #tool: Tool
  readonly #argument: string

  constructor(client: Client, server: string, tool: Tool, argument: string) {
    this.name = `${tool.name} of ${server}`
    this.#client = client
    this.#tool = tool
    this.#argument = argument
  }

  async find(query: string, { count, signal }: FindOptions): Promise<readonly Passage[]> {
    throwIfAborted(signal)
    const call = { name: this.#tool.name, arguments: { [this.#argument]: query } }
    try {
      const { content, isError } = await this.#client.callTool(call, { timeout: patience, ...(signal && { signal }) })
      const texts = content.flatMap((part) => (part.type === 'text' ? [part.text] : []))
      if (isError === true) throw new Error(texts.join(' ') || 'no reason was given')
      return texts.flatMap((text) => passagesIn(text, this.name)).slice(0, count)
    } catch (cause) {
      throwIfAborted(signal)
      throw unanswered(this.name, cause)
    }
  }

  async close(): Promise<void> {
    await this.#client.close()
  }
}

/** Results as JSON, where they have the fields that results have; else what the text says. */
function passagesIn(text: string, name: string): Passage[] {
  const results = jsonResults(text)
  if (results.length > 0) return results
  return splitText(text).map(({ heading, text: part }) => ({ title: heading || name, address: name, text: part }))
}

function jsonResults(text: string): Passage[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return []
  }
  const list = isJsonObject(value) ? (Object.values(value).find(Array.isArray) ?? [value]) : value
  if (!Array.isArray(list)) return []
  return list.flatMap((row: unknown) => {
    if (!isJsonObject(row)) return []
    const field = (...names: readonly string[]): string | undefined =>
      names.map((one) => row[one]).find((one): one is string => typeof one === 'string' && one.trim() !== '')
    const said = field('text', 'content', 'snippet', 'description', 'body')
    const address = field('url', 'link', 'address', 'source', 'id')
    if (said === undefined || address === undefined) return []
    return [{ title: field('title', 'name') ?? address, address, text: said }]
  })
}
