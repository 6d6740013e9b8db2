/** Pages become what they say. */
import { largestPage, mainText } from './main-text/index.ts'
import type { DocumentStage } from './step.ts'

export const textStage: DocumentStage<object> = {
  version: 2,
  prepare: () => (document) => {
    if (document.format === 'text') return { kept: document }
    if (document.text.length > largestPage) return { dropped: 'page too large' }
    const found = extracted(document.text)
    if (typeof found === 'string') return { dropped: found }
    const { text, title, by } = found
    const named = document.title === undefined && title !== '' ? { title } : {}
    return { kept: { ...document, ...named, format: 'text', text }, notes: { counts: { [`text by ${by}`]: 1 } } }
  },
}

type Extracted = NonNullable<ReturnType<typeof mainText>>

/** What was found, or why nothing was. */
function extracted(html: string): Extracted | string {
  try {
    return mainText(html) ?? 'no main text'
  } catch {
    // A page must not end a run, whatever the libraries meet in it: deep nesting, tags that no grammar knows.
    return 'cannot be parsed'
  }
}
