import { PocketPhiError } from '../base/errors.ts'
import type { BpeModel } from './bpe.ts'
import { byteAlphabet } from './characters.ts'
import { byteLevelDecoder } from './decoder.ts'
import { asId, invalid } from './json-reader.ts'
import { concatenationRules } from './merge.ts'
import { compilePattern } from './pattern.ts'
import { byteLevelSpans } from './pre-tokenizer.ts'
import { readAddedTokens } from './tokenizer-json.ts'
import { makeTokenizer, type Tokenizer } from './make-tokenizer.ts'

/**
 * The split patterns of the published tiktoken vocabularies. cl100k is that of Phi-3-small and Phi-4, o200k that of
 * Phi-4-mini.
 */
export const tiktokenPatterns = {
  cl100k:
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*` +
    String.raw`|\s*[\r\n]+|\s+(?!\S)|\s+`,
  o200k: [
    String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?`,
    String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?`,
    String.raw`\p{N}{1,3}`,
    String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*`,
    String.raw`\s*[\r\n]+`,
    String.raw`\s+(?!\S)`,
    String.raw`\s+`,
  ].join('|'),
} as const

/** What a tiktoken file does not say of its tokenizer. */
export interface TiktokenOptions {
  /** `cl100k`, `o200k`, or a pattern in the syntax of Rust's regular expressions. */
  readonly pattern: keyof typeof tiktokenPatterns | (string & {})
  /**
   * Tokens beside the ranks, as a tokenizer file lists them: `{ id, content, special, lstrip, rstrip, single_word }`.
   * Unless it says otherwise, a token is special.
   */
  readonly addedTokens?: readonly unknown[]
}

/** Longer pieces than this are refused. */
const longestPiece = 4096

/**
 * Reads a `.tiktoken` file: a line for each piece, its bytes in base64 and its rank, which is its id.
 * @throws PocketPhiError 'invalid-file' on anything torn or hostile.
 */
export function loadTiktoken(fileText: string, options: TiktokenOptions): Tokenizer {
  const { ids, pieces } = readRanks(fileText)
  for (const letter of byteAlphabet) {
    if (!ids.has(letter)) throw invalid('the ranks', 'a piece for each of the 256 bytes', letter)
  }
  const listed = (options.addedTokens ?? []).map((token) =>
    typeof token === 'object' && token !== null ? { special: true, ...token, normalized: false } : token,
  )
  const model: BpeModel = { ids, rules: concatenationRules(pieces, ids), fuseUnknown: false, wholeSpans: true }
  const source = Object.hasOwn(tiktokenPatterns, options.pattern)
    ? tiktokenPatterns[options.pattern as keyof typeof tiktokenPatterns]
    : options.pattern
  const pattern = compilePattern(source, 'the tiktoken pattern', 'rust')
  return makeTokenizer({
    model,
    pieces,
    addedTokens: readAddedTokens(listed, ids, pieces),
    normalize: (text) => text,
    preTokenize: (text) => byteLevelSpans(text, pattern),
    decoder: byteLevelDecoder(true),
    before: [],
    after: [],
  })
}

function readRanks(fileText: string): { ids: Map<string, number>; pieces: (string | undefined)[] } {
  const ids = new Map<string, number>()
  const pieces: (string | undefined)[] = []
  let line = 0
  for (const text of fileText.split('\n')) {
    line++
    if (text.trim() === '') continue
    const match = /^([A-Za-z0-9+/]+={0,2}) (\d{1,9})\r?$/.exec(text)
    const place = `line ${line} of the ranks`
    if (match?.[1] === undefined || match[1].length > longestPiece) throw invalid(place, 'base64 and a rank', text)
    const id = asId(Number(match[2]), place)
    const piece = spellBase64(match[1], place)
    if (ids.has(piece) || pieces[id] !== undefined) throw invalid(place, 'a piece and a rank of its own', text)
    ids.set(piece, id)
    pieces[id] = piece
  }
  return { ids, pieces }
}

function spellBase64(base64: string, place: string): string {
  try {
    let spelled = ''
    const binary = atob(base64)
    for (let index = 0; index < binary.length; index++) spelled += byteAlphabet[binary.charCodeAt(index)]
    return spelled
  } catch (cause) {
    throw new PocketPhiError('invalid-file', `The tokenizer file is not valid at ${place}.`, {
      expected: 'base64',
      found: base64.slice(0, 60),
      cause,
    })
  }
}
