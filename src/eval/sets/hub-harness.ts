/** A hub on this machine with the Parquet files of one set. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server with the files of one set and their listing, as the hub has them, which serves ranges. */
export class SetHub implements AsyncDisposable {
  readonly asked: string[] = []
  /** Status of the next answers; undefined for one that is honest. */
  readonly failures: (number | undefined)[] = []
  readonly #server: Server

  constructor(repository: string, files: ReadonlyMap<string, Uint8Array>) {
    const commit = 'c'.repeat(40)
    const siblings = [...files].map(([rfilename, { length: size }]) => ({ rfilename, size, blobId: 'a'.repeat(40) }))
    this.#server = createServer((request, response) => {
      const path = (request.url ?? '').replace(/\?.*/, '')
      const { range = '', authorization = '' } = request.headers
      this.asked.push([path, range, authorization].join(' ').trim())
      const failure = this.failures.shift()
      if (failure !== undefined) {
        response.writeHead(failure).end()
        return
      }
      if (path === `/api/datasets/${repository}/revision/refs%2Fconvert%2Fparquet`) {
        response.end(JSON.stringify({ sha: commit, siblings }))
        return
      }
      const bytes = files.get(decodeURIComponent(path.replace(`/datasets/${repository}/resolve/${commit}/`, '')))
      const [, from = '', to = ''] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? []
      if (bytes === undefined || from === '') {
        response.writeHead(404).end()
        return
      }
      const end = Math.min(Number(to) + 1, bytes.length)
      response
        .writeHead(206, { 'content-range': `bytes ${from}-${end - 1}/${bytes.length}` })
        .end(bytes.subarray(Number(from), end))
    })
  }

  async start(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }
}
