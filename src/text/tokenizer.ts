/** The door to tokenizers: what one is, and the two ways to load one. */
export type { DecodeOptions, EncodeOptions, IdStream, Tokenizer } from './make-tokenizer.ts'
export { loadTiktoken } from './tiktoken.ts'
export { loadTokenizerJson } from './tokenizer-json.ts'
