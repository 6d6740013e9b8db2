/** The door to tokenizers: what one is, and the two ways to load one. */
export type { AddedToken } from './added-tokens.ts'
export type { DecodeOptions, EncodeOptions, IdStream, Tokenizer } from './make-tokenizer.ts'
export { loadTiktoken, tiktokenPatterns, type TiktokenOptions } from './tiktoken.ts'
export { readTokenizerConfig, type TokenizerConfig } from './tokenizer-config.ts'
export { loadTokenizerJson } from './tokenizer-json.ts'
