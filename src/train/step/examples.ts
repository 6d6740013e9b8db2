import { PocketPhiError } from '../../base/errors.ts'
import { encodePictured, renderConversation, type PictureMark, type TextWith } from '../../engine/picture-text.ts'
import { builtinTemplate, type ChatTemplate } from '../../text/templates.ts'
import { special, type SpecialToken } from '../../text/text.ts'
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

/** A text that is learned whole, with the token that ends it. */
export function documentExample(tokenizer: Tokenizer, text: string): Example {
  return { ids: tokenizer.encode([text, endOfText]) }
}

type MarkedText = TextWith<PictureMark>

/**
 * A conversation in the template of a model, of which the assistant's words and the tokens that end its turns are learned.
 * An answer begins where the template's text ends that asks for it, and ends with the control token that follows. What the
 * template has after the last answer teaches nothing and is left out. The line breaks around the words belong to the
 * template: most tokenizers of this family swallow them, and where one does not, they are seen but not learned.
 *
 * @param template Phi-3-mini's when left out
 * @param answers which of the assistant's turns are learned
 * @throws PocketPhiError `not-supported` for a template that does not write answers behind what asks for them, or does not end
 * them; as `renderChat`
 */
export function conversationExample(
  tokenizer: Tokenizer,
  messages: readonly Message[],
  template: ChatTemplate = builtinTemplate('phi-3-mini'),
  answers: 'all' | 'last' = 'all',
): Example {
  const shown: LearnedPicture[] = []
  const marked = messages.map(({ pictures = [], ...message }) => ({
    ...message,
    pictures: pictures.map((picture): PictureMark => {
      const id = -shown.push(picture)
      return { ids: picture.tokens.map(() => id) }
    }),
  }))
  const render = (count: number, addGenerationPrompt: boolean): MarkedText =>
    renderConversation(template, marked.slice(0, count), { addGenerationPrompt })
  const whole = render(marked.length, false)
  const ids = encodePictured(tokenizer, whole)
  const learned = ids.map(() => false)
  const first = answers === 'last' ? marked.findLastIndex(({ role }) => role === 'assistant') : 0
  let end = 0
  for (const [index, { role }] of marked.entries()) {
    if (role !== 'assistant' || index < first) continue
    const prompt = render(index, true)
    const start = commonLength(ids, encodePictured(tokenizer, prompt))
    end = encodePictured(tokenizer, throughAnswer(whole, prompt, template)).length
    learned.fill(true, start, end)
  }
  const length = end === 0 ? ids.length : end
  return {
    ids: ids.slice(0, length),
    learned: learned.slice(0, length),
    ...(shown.length === 0 ? {} : { pictures: shown }),
  }
}

/** How many ids two texts have in common from the start. */
function commonLength(left: readonly number[], right: readonly number[]): number {
  const differs = right.findIndex((id, index) => id !== left[index])
  return differs < 0 ? right.length : differs
}

function isSpecial(part: MarkedText[number] | undefined): part is SpecialToken {
  return typeof part === 'object' && 'kind' in part
}

/** The part of a conversation that ends with the control token behind the answer to `prompt`. */
function throughAnswer(whole: MarkedText, prompt: MarkedText, { name }: ChatTemplate): MarkedText {
  const last = prompt.length - 1
  const agrees = prompt.every((part, index) => {
    const other = whole[index]
    if (typeof part === 'string' && typeof other === 'string') {
      return index === last ? other.startsWith(part) : other === part
    }
    return isSpecial(part) && isSpecial(other) ? part.content === other.content : part === other
  })
  const end = whole.findIndex((part, index) => index > last && isSpecial(part))
  if (agrees && end >= 0) return whole.slice(0, end + 1)
  throw new PocketPhiError('not-supported', 'Answers cannot be learned in this chat template.', {
    expected: 'one that writes an answer behind what asks for it, and ends it with a control token',
    found: `${name}, which ${agrees ? 'does not end it' : 'writes something else there'}`,
    remedy: 'Put the template that the model was published with beside its tokenizer.',
  })
}
