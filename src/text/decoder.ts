import { alphabetBytes, byteOfPiece, utf8 } from './characters.ts'
import { boundGrowth } from './growth.ts'

/**
 * How pieces become text. One instance decodes one sequence; the whole of what `push` and `flush` return is the text,
 * however the pieces were grouped.
 */
export interface PieceStream {
  /** What has become certain with this piece; it may be nothing yet, and is never half a character. */
  push(piece: string, added: boolean): string
  /** What was held back. The stream must not be used afterwards. */
  flush(): string
}

export interface PieceDecoder {
  /** `keepLeading` leaves the first space in place: for text that continues other text. */
  start(keepLeading: boolean): PieceStream
  /** The bytes that a piece stands for. */
  bytes(piece: string, added: boolean): Uint8Array
}

export interface SentencePieceDecoding {
  /** String replacements made in every piece, in order. */
  readonly replacements: readonly (readonly [pattern: string, content: string])[]
  /** Whether pieces named `<0x41>` are bytes. */
  readonly byteFallback: boolean
  /** How many of which character are dropped from the start of the whole text. */
  readonly strip: { readonly content: string; readonly count: number }
}

const replacementCharacter = '\ufffd'

/**
 * SentencePiece's decoder. A run of byte pieces that is not UTF-8 becomes one U+FFFD per byte of the whole run, as in
 * the reference; so a run is held back until another piece ends it.
 */
export function sentencePieceDecoder(plan: SentencePieceDecoding): PieceDecoder {
  const spell = (piece: string): string =>
    plan.replacements.reduce((text, [pattern, content]) => {
      const changed = text.replaceAll(pattern, () => content)
      boundGrowth(changed.length, piece.length, 'decoder')
      return changed
    }, piece)
  const known = new Map<string, { readonly text: string; readonly byte: number }>()
  const read = (piece: string): { readonly text: string; readonly byte: number } => {
    let reading = known.get(piece)
    if (reading === undefined) {
      const text = spell(piece)
      known.set(piece, (reading = { text, byte: plan.byteFallback ? byteOfPiece(text) : -1 }))
    }
    return reading
  }
  return {
    bytes(piece) {
      const { text, byte } = read(piece)
      return byte === -1 ? utf8(text) : Uint8Array.of(byte)
    },
    start(keepLeading) {
      let run: number[] = []
      let stripLeft = keepLeading ? 0 : plan.strip.count
      const strip = (text: string): string => {
        let rest = text
        while (stripLeft > 0 && rest !== '') {
          if (!rest.startsWith(plan.strip.content)) stripLeft = 0
          else {
            rest = rest.slice(plan.strip.content.length)
            stripLeft--
          }
        }
        return rest
      }
      const endRun = (): string => {
        if (run.length === 0) return ''
        const text = strictUtf8(run) ?? replacementCharacter.repeat(run.length)
        run = []
        return text
      }
      return {
        push(piece) {
          const { text, byte } = read(piece)
          if (byte === -1) return strip(endRun() + text)
          run.push(byte)
          return ''
        },
        flush: () => strip(endRun()),
      }
    },
  }
}

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function strictUtf8(bytes: readonly number[]): string | undefined {
  try {
    return strictDecoder.decode(Uint8Array.from(bytes))
  } catch {
    return undefined
  }
}

/**
 * Byte-level decoder: the bytes of all pieces in a row are UTF-8, with U+FFFD for each maximal part that is not. A
 * piece with a letter outside the alphabet stands for its own UTF-8 bytes. Added tokens are read as pieces too, as the
 * reference for tokenizer.json does, unless `addedAsText`, as tiktoken does.
 */
export function byteLevelDecoder(addedAsText: boolean): PieceDecoder {
  const bytes = (piece: string, added: boolean): Uint8Array => {
    if (added && addedAsText) return utf8(piece)
    const result: number[] = []
    for (const letter of piece) {
      const byte = alphabetBytes.get(letter)
      if (byte === undefined) return utf8(piece)
      result.push(byte)
    }
    return Uint8Array.from(result)
  }
  return {
    bytes,
    start() {
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
      return {
        push: (piece, added) => decoder.decode(bytes(piece, added), { stream: true }),
        flush: () => decoder.decode(),
      }
    },
  }
}

/** What the reference does without a decoder: pieces with a space between them. */
export function joiningDecoder(): PieceDecoder {
  return {
    bytes: utf8,
    start() {
      let first = true
      return {
        push(piece) {
          const text = first ? piece : ` ${piece}`
          first = false
          return text
        },
        flush: () => '',
      }
    },
  }
}
