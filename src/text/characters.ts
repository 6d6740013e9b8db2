/**
 * What the reference tokenizers (Rust) call white space: Unicode's White_Space. JavaScript's `\s` differs in two
 * places: it holds U+FEFF, which is not white space, and lacks U+0085, which is.
 */
export const whiteSpaceClass = String.raw`\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`

/** What the reference regular expressions call a word character (`\w`). */
export const wordClass = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d`

export function isWhiteSpace(code: number): boolean {
  if (code < 0x80) return code === 0x20 || (code >= 0x09 && code <= 0x0d)
  if (code === 0x85 || code === 0xa0 || code === 0x1680 || code === 0x3000) return true
  if (code < 0x2000 || code > 0x205f) return false
  return code <= 0x200a || code === 0x2028 || code === 0x2029 || code === 0x202f || code === 0x205f
}

/** The index after the white space that begins at `start`. */
export function skipWhiteSpace(text: string, start: number): number {
  let end = start
  while (end < text.length && isWhiteSpace(text.charCodeAt(end))) end++
  return end
}

/** The index where the white space that ends at `end` begins. */
export function whiteSpaceStart(text: string, end: number): number {
  let start = end
  while (start > 0 && isWhiteSpace(text.charCodeAt(start - 1))) start--
  return start
}

const encoder = new TextEncoder()

export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** GPT-2's alphabet: one printable character for each byte, indexed by the byte. */
export const byteAlphabet: readonly string[] = makeByteAlphabet()

function makeByteAlphabet(): string[] {
  const alphabet: string[] = []
  let moved = 0
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad)
    alphabet.push(String.fromCharCode(printable ? byte : 256 + moved++))
  }
  return alphabet
}

/** The byte that a character of GPT-2's alphabet stands for. */
export const alphabetBytes: ReadonlyMap<string, number> = new Map(byteAlphabet.map((letter, byte) => [letter, byte]))

/** The UTF-8 bytes of a text, each spelled as the letter at its place in `alphabet`. */
export function spellBytes(text: string, alphabet: readonly string[]): string {
  let spelled = ''
  for (const byte of utf8(text)) spelled += alphabet[byte]
  return spelled
}

/** The name of a byte piece in SentencePiece vocabularies: `<0x0A>`. */
export function bytePiece(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
}

/** The byte that a piece names, or -1; the digits may be of either case, as in the reference. */
export function byteOfPiece(piece: string): number {
  const match = /^<0x([0-9A-Fa-f]{2})>$/.exec(piece)
  return match?.[1] === undefined ? -1 : Number.parseInt(match[1], 16)
}
