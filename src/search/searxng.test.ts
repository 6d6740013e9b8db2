import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { searxng } from './searxng.ts'

const servers: { close: () => void; closeAllConnections: () => void }[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** A server that answers everything alike. */
async function serving(body: string, status = 200, onRequest: (url: string) => void = () => {}): Promise<string> {
  const server = createServer((request, response) => {
    onRequest(request.url ?? '')
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('asks for JSON and takes what has an address and says something', async () => {
  const results = [
    { title: 'One', url: 'https://one.example/', content: ' first ' },
    { title: 'No address', content: 'x' },
    { title: 'A script', url: 'javascript:alert(1)', content: 'x' },
    { url: 'https://two.example/', content: 'second' },
    { title: 'Empty', url: 'https://three.example/', content: ' ' },
    7,
  ]
  const asked: string[] = []
  const url = await serving(JSON.stringify({ results }), 200, (path) => asked.push(path))
  const found = await searxng(`${url}/`).find('a & b', { count: 5 })
  expect(asked).toEqual(['/search?q=a+%26+b&format=json'])
  expect(found).toEqual([
    { title: 'One', address: 'https://one.example/', text: 'first' },
    { title: 'https://two.example/', address: 'https://two.example/', text: 'second' },
  ])
  expect(await searxng(url).find('a', { count: 1 })).toHaveLength(1)
})

test.each([
  ['<html>', 200, 'invalid-file'],
  ['{"results": 3}', 200, 'invalid-file'],
  ['', 403, 'no-access'],
  ['', 429, 'network'],
])('an answer of %j with status %i is refused', async (body, status, code) => {
  await expect(searxng(await serving(body, status)).find('a', { count: 5 })).rejects.toMatchObject({ code })
})

test('a server that is not there, and an abort', async () => {
  const gone = await serving('{}')
  for (const server of servers.splice(0)) server.close()
  await expect(searxng(gone).find('a', { count: 5 })).rejects.toMatchObject({ code: 'network' })
  await expect(searxng(gone).find('a', { count: 5, signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'aborted',
  })
})
