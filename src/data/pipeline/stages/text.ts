/** Pages become what they say. */
import { largestPage, mainText, type MainText } from './main-text/index.ts'
import type { DocumentStage } from './step.ts'

export const textStage: DocumentStage<object> = {
  version: 2,
  prepare: () => (document) => {
    if (document.format === 'text') return { kept: document }
    const found = extractedText(document.text)
    if (typeof found === 'string') return { dropped: found }
    const { text, title, by } = found
    const named = document.title === undefined && title !== '' ? { title } : {}
    return { kept: { ...document, ...named, format: 'text', text }, notes: { counts: { [`text by ${by}`]: 1 } } }
  },
}

/** The main text of any page, or why there is none. */
export function extractedText(html: string): MainText | string {
  if (html.length > largestPage) return 'page too large'
  try {
    return mainText(html) ?? 'no main text'
  } catch {
    // A page must not end a run, whatever the libraries meet in it: deep nesting, tags that no grammar knows.
    return 'cannot be parsed'
  }
}
