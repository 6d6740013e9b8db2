import { PocketPhiError } from '../base/errors.ts'
import { isControlToken, segmentFinder, type AddedToken, type SegmentFinder } from './added-tokens.ts'
import { spanEncoder, type BpeModel, type SpanEncoder } from './bpe.ts'
import { skipWhiteSpace, whiteSpaceStart } from './characters.ts'
import type { PieceDecoder } from './decoder.ts'
import type { Text } from './text.ts'

/** How text becomes ids. */
export interface EncodeOptions {
  /**
   * Whether strings that spell a control token become it. `'plain'` (the default) never does, so that a user's words
   * cannot steer the model; `'recognise'` is what the reference tokenizers do with a rendered prompt.
   */
  readonly special?: 'plain' | 'recognise'
  /**
   * Whether to add what the tokenizer file puts around every text (Phi-3-vision: `<s>` in front). On by default; a
   * `Text` that already begins with those tokens does not get them twice.
   */
  readonly addBos?: boolean
}

/** How ids become text. */
export interface DecodeOptions {
  /** Leave out special tokens; off by default. */
  readonly skipSpecial?: boolean
  /** Keep the space that a SentencePiece text begins with: for text that continues other text. Off by default. */
  readonly keepLeadingSpace?: boolean
}

/** Decodes one sequence id by id; see `Tokenizer.startDecoding`. */
export interface IdStream {
  /** Takes the next id. @returns the text that has become certain by it, which may be none */
  push(id: number): string
  /** Ends the text. @returns what was still held back */
  flush(): string
}

/** Text to ids and back, exactly as the reference tokenizers of Hugging Face and tiktoken do. */
export interface Tokenizer {
  /** One more than the largest id that has a piece or an added token. */
  readonly vocabularySize: number
  /** Those that are found in a text before it is cut into pieces, in the order of the file. */
  readonly addedTokens: readonly AddedToken[]
  /** The ids of the tokens that `skipSpecial` leaves out, by their content. */
  readonly specialTokens: ReadonlyMap<string, number>
  /**
   * Ids of a text. Lone surrogates count as U+FFFD.
   * @throws PocketPhiError 'invalid-argument' when a `Text` holds a special token that this tokenizer lacks.
   */
  encode(text: Text | string, options?: EncodeOptions): number[]
  /**
   * The pieces of a text, one for each id of `encode`: as the vocabulary spells them, added tokens with the white space
   * that they took.
   */
  tokenize(text: string, options?: EncodeOptions): string[]
  /** Text of ids. Ids without a piece (padding rows of the embedding) are left out, as in the reference. */
  decode(ids: Iterable<number>, options?: DecodeOptions): string
  /**
   * Turns ids into text while they arrive. `push` returns what has become certain: never half a character, and nothing
   * that a later id could change (a run of byte pieces waits for its end, because the reference judges it as a whole).
   * What `push` and `flush` return in all equals `decode` of all ids.
   */
  startDecoding(options?: DecodeOptions): IdStream
  /** The spelling of an id in the vocabulary: `▁Hello`, `<0x0A>`, `<|end|>`; byte-level pieces in GPT-2's alphabet. */
  pieceOf(id: number): string | undefined
  /** The id of a piece or added token. */
  idOf(token: string): number | undefined
  /**
   * The bytes that an id adds to a decoded text.
   * @throws PocketPhiError 'invalid-argument' when the id has no piece.
   */
  tokenBytes(id: number): Uint8Array
}

/** What a tokenizer is made of; the loaders in tokenizer-json.ts and tiktoken.ts provide it. */
export interface TokenizerParts {
  readonly model: BpeModel
  /** Pieces by id. */
  readonly pieces: readonly (string | undefined)[]
  readonly addedTokens: readonly AddedToken[]
  readonly normalize: (text: string) => string
  /** Cuts a normalised text into the spans that the model encodes one by one. */
  readonly preTokenize: (text: string) => readonly string[]
  readonly decoder: PieceDecoder
  /** Ids put before and after every text. */
  readonly before: readonly number[]
  readonly after: readonly number[]
}

/** How strings are searched for added tokens and encoded: one of these for each value of `special`. */
interface Mode {
  readonly find: SegmentFinder
  readonly findNormalized: SegmentFinder
  readonly encodeSpan: SpanEncoder
}

function makeMode(parts: TokenizerParts, tokens: readonly AddedToken[], forbidden: ReadonlySet<number>): Mode {
  const raw = tokens.filter((token) => !token.normalized)
  const normalized = tokens.filter((token) => token.normalized)
  return {
    find: segmentFinder(raw),
    findNormalized: segmentFinder(normalized, (token) => parts.normalize(token.content)),
    encodeSpan: spanEncoder(parts.model, forbidden),
  }
}

/** Called with the text that an added token took, before its id is appended. */
type OnAdded = (text: string) => void

function encodeString(text: string, mode: Mode, parts: TokenizerParts, output: number[], onAdded?: OnAdded): void {
  for (const segment of mode.find(text)) {
    if (typeof segment !== 'string') {
      onAdded?.(segment.text)
      output.push(segment.token.id)
      continue
    }
    for (const inner of mode.findNormalized(parts.normalize(segment))) {
      if (typeof inner !== 'string') {
        onAdded?.(inner.text)
        output.push(inner.token.id)
      } else for (const span of parts.preTokenize(inner)) if (span !== '') mode.encodeSpan(span, output)
    }
  }
}

/** Puts the parts together. */
export function makeTokenizer(parts: TokenizerParts): Tokenizer {
  const added = new Map(parts.addedTokens.map((token) => [token.content, token]))
  const addedById = new Map(parts.addedTokens.map((token) => [token.id, token]))
  const control = parts.addedTokens.filter(isControlToken)
  const ordinary = parts.addedTokens.filter((token) => !isControlToken(token))
  const recognise = makeMode(parts, parts.addedTokens, new Set())
  const plain = makeMode(parts, ordinary, new Set(control.map((token) => token.id)))
  const vocabularySize = parts.addedTokens.reduce((size, token) => Math.max(size, token.id + 1), parts.pieces.length)
  const pieceOf = (id: number): string | undefined => addedById.get(id)?.content ?? parts.pieces[id]

  const encodeText = (text: Text, mode: Mode, output: number[]): void => {
    let segment = ''
    let stripStart = false
    const flush = (stripEnd: boolean): void => {
      const start = stripStart ? skipWhiteSpace(segment, 0) : 0
      const end = stripEnd ? Math.max(start, whiteSpaceStart(segment, segment.length)) : segment.length
      encodeString(segment.slice(start, end).toWellFormed(), mode, parts, output)
      segment = ''
    }
    for (const part of text) {
      if (typeof part === 'string') {
        segment += part
        continue
      }
      const token = added.get(part.content)
      if (token === undefined) {
        throw new PocketPhiError('invalid-argument', `This tokenizer has no token "${part.content}".`, {
          remedy: 'Use the chat template that belongs to this tokenizer.',
        })
      }
      flush(token.lstrip)
      output.push(token.id)
      stripStart = token.rstrip
    }
    flush(false)
  }

  const startDecoding = (options: DecodeOptions = {}): IdStream => {
    const stream = parts.decoder.start(options.keepLeadingSpace ?? false)
    return {
      push(id) {
        const token = addedById.get(id)
        const piece = token?.content ?? parts.pieces[id]
        if (piece === undefined || (options.skipSpecial === true && token?.special === true)) return ''
        return stream.push(piece, token !== undefined)
      },
      flush: () => stream.flush(),
    }
  }

  const encode: Tokenizer['encode'] = (text, options = {}) => {
    const mode = options.special === 'recognise' ? recognise : plain
    const ids: number[] = []
    if (typeof text === 'string') encodeString(text.toWellFormed(), mode, parts, ids)
    else encodeText(text, mode, ids)
    if (options.addBos === false || (parts.before.length === 0 && parts.after.length === 0)) return ids
    const hasBefore = typeof text !== 'string' && parts.before.every((id, index) => ids[index] === id)
    return [...(hasBefore ? [] : parts.before), ...ids, ...parts.after]
  }

  return {
    vocabularySize,
    addedTokens: parts.addedTokens,
    specialTokens: new Map(
      parts.addedTokens.filter((token) => token.special).map((token) => [token.content, token.id]),
    ),
    encode,
    tokenize(text, options = {}) {
      const ids: number[] = []
      const taken = new Map<number, string>()
      const mode = options.special === 'recognise' ? recognise : plain
      encodeString(text.toWellFormed(), mode, parts, ids, (surface) => taken.set(ids.length, surface))
      const pieces = ids.map((id, index) => taken.get(index) ?? (pieceOf(id) as string))
      if (options.addBos === false) return pieces
      const around = (outer: readonly number[]): string[] => outer.map((id) => pieceOf(id) ?? '')
      return [...around(parts.before), ...pieces, ...around(parts.after)]
    },
    decode(ids, options) {
      const stream = startDecoding(options)
      const texts: string[] = []
      for (const id of ids) texts.push(stream.push(id))
      texts.push(stream.flush())
      return texts.join('')
    },
    startDecoding,
    pieceOf,
    idOf: (token) => added.get(token)?.id ?? parts.model.ids.get(token),
    tokenBytes(id) {
      const piece = pieceOf(id)
      if (piece === undefined) {
        throw new PocketPhiError('invalid-argument', `The id ${id} has no piece in this tokenizer.`, {
          expected: `an id below ${vocabularySize} that is in use`,
        })
      }
      return parts.decoder.bytes(piece, addedById.has(id))
    },
  }
}
