import type { DecodeOptions, IdStream, Tokenizer } from './make-tokenizer.ts'

/**
 * Turns generated ids into text while they arrive. `push` returns what has become certain: never half a character,
 * and nothing that a later id could change (a run of byte pieces waits for its end, because the reference judges it as
 * a whole). What `push` and `flush` return in all equals `tokenizer.decode` of all ids.
 */
export function createDetokenizer(tokenizer: Tokenizer, options: DecodeOptions = {}): IdStream {
  return tokenizer.startDecoding(options)
}
