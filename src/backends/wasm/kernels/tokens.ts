/** How many tokens the products with packed weights take together; ../workspace.ts counts with the same numbers. */

/** Up to this many, the weights are read as they lie (memory bound); above, panels are unpacked once for all tokens. */
export const streamedTokens: i32 = 4
/** Tokens of a tile above. */
export const tileTokens: i32 = 6
/** Columns of a block of q4k, q5k and q6k. */
export const largeGroup: i32 = 256
