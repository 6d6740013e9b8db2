/** Keeps the site on this device, once its playground has been visited. */
import { siteHeaders } from '../build/headers.ts'
import { keep } from '@pocket-phi/web/service-worker/keep'

/** Put in by the build. */
declare const PAGE_VERSION: string
declare const PAGE_FILES: Readonly<Record<string, string>>

keep({
  name: 'pocket-phi-site',
  version: PAGE_VERSION,
  files: PAGE_FILES,
  pageFor: ({ href }) => href.replace(/[?#].*$/, '').replace(/\/$/, '/index.html'),
  headersOf: siteHeaders,
})
