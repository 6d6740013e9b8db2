/**
 * Builds the chat page and serves it on this machine.
 *
 *     npm run web            # http://127.0.0.1:4173
 *     npm run web -- 8080    # another port
 */
import { fileURLToPath } from 'node:url'
import { buildPage } from './build/build.ts'
import { headersFor } from './build/headers.ts'
import { hubOrigins } from './build/hub.ts'
import { servePage } from './build/server.ts'

const folder = fileURLToPath(new URL('dist', import.meta.url))
const port = Number(process.argv[2] ?? 4173)
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error(`There is no port ${process.argv[2]}. Give a number from 0 to 65535.`)
  process.exit(1)
}
await buildPage(folder)
try {
  const { origin } = await servePage({ folder, headersOf: headersFor(hubOrigins()), port })
  console.log(`Pocket Phi is at ${origin}/ (Ctrl-C ends it)`)
} catch (error) {
  console.error(`The port ${port} cannot be used: ${error instanceof Error ? error.message : String(error)}`)
  console.error('Name another one: npm run web -- 8080')
  process.exit(1)
}
