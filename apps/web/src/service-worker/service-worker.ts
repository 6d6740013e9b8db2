/** Keeps the chat page on this device: after the first visit everything works without a network. */
import { headersFor } from '../../build/headers.ts'
import { keep } from './keep.ts'

/** Put in by the build. */
declare const HUB_ORIGINS: readonly string[]
declare const PAGE_VERSION: string
declare const PAGE_FILES: Readonly<Record<string, string>>

keep({
  name: 'pocket-phi-page',
  version: PAGE_VERSION,
  files: PAGE_FILES,
  // Whatever address is navigated to gets the page, and so the headers of the page.
  pageFor: (_, scope) => scope.href,
  headersOf: headersFor(HUB_ORIGINS),
})
