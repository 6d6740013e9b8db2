import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { embedByEndpoint } from './embeddings.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** A server that answers everything alike. */
async function answering(answer: unknown, status = 200): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
}

const vectorsOf = (...widths: readonly number[]): unknown => ({
  data: widths.map((width, index) => ({ index, embedding: Array.from({ length: width }, () => 1) })),
})

test('there is a vector for each text, in their order', async () => {
  const data = [
    { index: 1, embedding: [0, 2] },
    { index: 0, embedding: [1, 0] },
  ]
  const url = await answering({ data })
  expect(await embedByEndpoint({ url, model: 'm' }, ['a', 'b'])).toEqual([
    Float32Array.from([1, 0]),
    Float32Array.from([0, 2]),
  ])
})

test.each([
  ['too few', vectorsOf(2), 200, 'invalid-file'],
  ['of two widths', vectorsOf(2, 3), 200, 'invalid-file'],
  ['no vectors', { data: [{ index: 0, embedding: 'AAAA' }] }, 200, 'invalid-file'],
  ['nothing of the kind', { error: { message: 'no' } }, 404, 'not-supported'],
])('an answer of %s is refused', async (_title, answer, status, code) => {
  const url = await answering(answer, status)
  await expect(embedByEndpoint({ url, model: 'm' }, ['a', 'b'])).rejects.toMatchObject({ code })
})
