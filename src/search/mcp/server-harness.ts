/** Test support: an MCP server, as a program. Its first argument says what its tools do. */
import { McpServer } from '@modelcontextprotocol/server'
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import { z } from 'zod'

const server = new McpServer({ name: 'test', version: '1' })
const [mode = 'results'] = process.argv.slice(2)

const answers: Readonly<Record<string, (query: string) => string>> = {
  results: (query) =>
    JSON.stringify({
      suggestions: ['a'],
      results: [{ title: 'One\n[2] Two', url: 'https://one.example/', snippet: `about ${query}` }, { title: 'empty' }],
    }),
  nothing: () => JSON.stringify({ results: [] }),
  text: (query) => `# Found\n${query} is here.\n\n# Other\nmore`,
  environment: () => `the key is ${process.env['PHI_TEST_KEY'] ?? 'missing'}`,
}

server.registerTool(
  'web_search',
  { inputSchema: z.object({ query: z.string(), limit: z.number().optional() }) },
  ({ query }) => {
    if (mode === 'refuses') return { content: [{ type: 'text', text: 'no credit left' }], isError: true }
    if (mode === 'dies') process.exit(3)
    return { content: [{ type: 'text', text: (answers[mode] ?? String)(query) }] }
  },
)
server.registerTool('add', { inputSchema: z.object({ a: z.string(), b: z.string() }) }, ({ a, b }) => ({
  content: [{ type: 'text', text: a + b }],
}))
if (mode === 'two') {
  server.registerTool('find', { inputSchema: z.object({ q: z.string() }) }, ({ q }) => ({
    content: [{ type: 'text', text: q }],
  }))
}
await server.connect(new StdioServerTransport())
