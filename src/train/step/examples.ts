import { encodePictured } from '../../engine/picture-text.ts'
import { compactText, special, type Text } from '../../text/text.ts'
import type { Tokenizer } from '../../text/tokenizer.ts'
import type { Example } from './batches.ts'
import type { LearnedPicture } from './pictures.ts'

/** One turn of a conversation, as every chat template knows it. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
  /** What it shows, before its words. */
  readonly pictures?: readonly LearnedPicture[]
}

/** Ends a document. */
export const endOfText = special('<|endoftext|>')
/** Ends what one side of a conversation says. */
export const endOfTurn = special('<|end|>')

/** A text that is learned whole, with the token that ends it. */
export function documentExample(tokenizer: Tokenizer, text: string): Example {
  return { ids: tokenizer.encode([text, endOfText]) }
}

/**
 * A conversation in Phi-3-mini's template, of which the assistant's words and the tokens that end its turns are learned.
 * Turns are encoded one by one, which gives the ids of the whole: control tokens separate them. The line breaks around
 * the words belong to the template: most tokenizers of this family swallow them, and where one does not, they are seen
 * but not learned.
 */
export function conversationExample(tokenizer: Tokenizer, messages: readonly Message[]): Example {
  const ids: number[] = []
  const learned: boolean[] = []
  const shown: LearnedPicture[] = []
  const end = tokenizer.idOf(endOfTurn.content)
  for (const { role, content, pictures = [] } of messages) {
    const options = { addBos: ids.length === 0 }
    const header: Text = [special(`<|${role}|>`), '\n']
    const marks = pictures.flatMap((picture) => {
      const id = -shown.push(picture)
      return [{ ids: picture.tokens.map(() => id) }, '\n']
    })
    const text = compactText([special(`<|${role}|>`), '\n', ...marks, content, endOfTurn, '\n'])
    const turn = encodePictured(tokenizer, text, options)
    const first = tokenizer.encode(header, options).length
    const last = end === undefined ? turn.length : turn.lastIndexOf(end)
    turn.forEach((id, index) => {
      ids.push(id)
      learned.push(role === 'assistant' && index >= first && index <= last)
    })
  }
  return { ids, learned, ...(shown.length === 0 ? {} : { pictures: shown }) }
}
