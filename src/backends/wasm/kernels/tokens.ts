/** How many tokens the products with packed weights take together; ../workspace.ts counts with the same numbers. */

/** Up to this many, the weights are read as they lie (memory bound); above, panels are unpacked once for all tokens. */
export const streamedTokens: i32 = 4
/** Tokens of a tile above. */
const tileTokens: i32 = 6
/** The same where products are summed in pairs. */
const pairedTileTokens: i32 = 4
/** Columns of a block of q4k, q5k and q6k. */
export const largeGroup: i32 = 256

// @ts-ignore: decorator
@inline
export function tileOf(paired: bool): i32 {
  return paired ? pairedTileTokens : tileTokens
}
