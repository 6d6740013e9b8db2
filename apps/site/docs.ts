/**
 * Builds the site of the documentation, into apps/site/dist, and serves it on this machine.
 *
 *     npm run docs                      # builds it
 *     npm run docs -- --serve           # and serves it: http://127.0.0.1:4174
 *     npm run docs -- --serve --port 8080
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { servePage } from '@pocket-phi/web/build/server'
import { buildSite } from './build/build.ts'
import { siteHeaders } from './build/headers.ts'

const { values } = parseArgs({ options: { serve: { type: 'boolean', default: false }, port: { type: 'string' } } })
const folder = fileURLToPath(new URL('dist', import.meta.url))
await buildSite(folder)
console.log(`The documentation is in ${folder}`)
if (values.serve) {
  const { origin } = await servePage({ folder, headersOf: siteHeaders, port: Number(values.port ?? 4174) })
  console.log(`It is at ${origin}/ (Ctrl-C ends it)`)
}
