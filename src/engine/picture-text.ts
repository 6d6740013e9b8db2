/** Conversations with pictures, as text and as ids. */
import { renderChat, type ChatMessage, type ChatTemplate, type RenderOptions } from '../text/templates.ts'
import { compactText, type SpecialToken, type Text } from '../text/text.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { Picture } from './pictures.ts'

/** A message and the pictures that stand before its words. */
export interface PicturedMessage<Shown> extends ChatMessage {
  /** In the order in which they stand. */
  readonly pictures?: readonly Shown[]
}

/** A message of a conversation, with the pictures that it shows. */
export type Message = PicturedMessage<Picture>

/** Text in which pictures, or what stands for them, have their places. */
export type TextWith<Shown> = readonly (string | SpecialToken | Shown)[]

/** Text in which pictures have their places. */
export type PicturedText = TextWith<Picture>

/** What stands for a picture in a text that becomes ids. */
export interface PictureMark {
  readonly ids: readonly number[]
}

/** The pictures of messages, in their order. */
export function picturesIn<Shown>(messages: readonly PicturedMessage<Shown>[]): Shown[] {
  return messages.flatMap(({ pictures }) => pictures ?? [])
}

/**
 * A conversation, up to the answer unless something else is asked for. Each picture has a line of its own before the words of its message, where the published
 * processor has `<|image_1|>`, `<|image_2|>` and so on.
 *
 * @throws PocketPhiError as `renderChat`
 */
export function renderConversation<Shown extends object>(
  template: ChatTemplate,
  messages: readonly PicturedMessage<Shown>[],
  options: RenderOptions = { addGenerationPrompt: true },
): TextWith<Shown> {
  const pictures = picturesIn(messages)
  if (pictures.length === 0) return renderChat(template, messages, options)
  const mark = unusedCharacter(messages)
  const marked = messages.map(({ pictures: own = [], ...message }) => ({
    ...message,
    content: `${mark}\n`.repeat(own.length) + message.content,
  }))
  const text = renderChat(template, marked, options)
  let count = 0
  const parts = text.flatMap((part): TextWith<Shown> => {
    if (typeof part !== 'string') return [part]
    const [first = '', ...others] = part.split(mark)
    return [first, ...others.flatMap((words): TextWith<Shown> => [...pictures.slice(count, ++count), words])]
  })
  return compactText(parts)
}

/** A character that no message has; the private use area has 6,400, and templates give characters back as they are. */
function unusedCharacter(messages: readonly ChatMessage[]): string {
  const used = new Set(messages.flatMap(({ role, content, tools }) => [...role, ...content, ...(tools ?? '')]))
  for (let code = 0xe000; code <= 0xf8ff; code++) {
    const character = String.fromCodePoint(code)
    if (!used.has(character)) return character
  }
  throw new Error('defect: the messages have every character of the private use area')
}

/**
 * The ids of a text. As the published processor does, what stands between pictures is encoded piece by piece, each with what the
 * tokenizer puts before a text.
 */
export function encodePictured(tokenizer: Tokenizer, text: TextWith<PictureMark>, { addBos = true } = {}): number[] {
  const ids: number[] = []
  let piece: Text = []
  let isFirst = true
  const endPiece = (): void => {
    ids.push(...tokenizer.encode(piece, { addBos: addBos || !isFirst }))
    isFirst = false
    piece = []
  }
  for (const part of text) {
    if (typeof part === 'object' && 'ids' in part) {
      endPiece()
      for (const id of part.ids) ids.push(id)
    } else piece = [...piece, part]
  }
  if (isFirst || piece.length > 0) endPiece()
  return ids
}
