/** Published outputs of real weights, and how a model is compared with them. */
export type { Tolerance } from './judge.ts'
export { referencesFor } from './match.ts'
export { publishedReferences, type PublishedReference } from './references.ts'
export { tokensOf, verifyReference, type VerifyResult } from './verify.ts'
