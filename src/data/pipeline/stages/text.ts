/** Pages become what they say. */
import { extractedText } from './main-text/index.ts'
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
