/** Which language a document is in. */
import type { StageSettings } from '../recipe.ts'
import type { DocumentStage } from './step.ts'

/** Parts of a document that are looked at: its beginning may be a title or a quotation. */
const partCount = 3
const partLength = 600

function partsOf(text: string): string {
  if (text.length <= partCount * partLength) return text
  const stride = Math.floor((text.length - partLength) / (partCount - 1))
  return Array.from({ length: partCount }, (_, part) => text.slice(part * stride, part * stride + partLength)).join(
    '\n',
  )
}

export const languageStage: DocumentStage<StageSettings['language']> = {
  version: 1,
  async prepare({ keep }) {
    const { eld } = await import('eld/small')
    return (document) => {
      const language = eld.detect(partsOf(document.text)).language
      if (language === '') return { dropped: 'no language' }
      const notes = { counts: { [`language ${language}`]: 1 } }
      return keep.includes(language)
        ? { kept: { ...document, language }, notes }
        : { dropped: 'another language', notes: { ...notes, detail: language } }
    }
  },
}
