/**
 * Bytes of workspace that each thread of a kernel needs: the least value of its `workspaceStride` word. All are multiples
 * of 64, so that the blocks of neighbouring threads share no cache line.
 */

/** Tokens whose products read packed weights as they lie: as in kernels/tokens.ts. */
const streamedTokens = 4

/** Tokens of a tile above: as in kernels/tokens.ts. */
export function tileTokens(paired: boolean): 4 | 6 {
  return paired ? 4 : 6
}

/** `matmul`: a packed block of A (96 x 512), one of B (1024 x 512) and a tile for the edges of C, for any shape. */
export function matmulWorkspaceBytes(): number {
  return (96 * 512 + 1024 * 512) * 4 + 6 * 64
}

/**
 * `matmulPacked`: one unpacked panel of 8 rows (two if wide) and a tile of results; for m = 4 only results and
 * sums, for fewer nothing.
 * @param k columns of the weights
 */
export function packedWorkspaceBytes(m: number, k: number, wide = false): number {
  if (m <= streamedTokens) return m === streamedTokens ? 448 : 0
  return 384 + Math.ceil((k * (wide ? 34 : 17)) / 64) * 64
}

/**
 * Bytes of what `quantizeRows` writes and `matmulPacked` reads: tokens in panels of one (m <= 4) or of a tile (above, the last
 * panel filled up), each byte for byte one activation, plus a bias and a scale per group; twelve words of sums in place of the
 * bias for groups of 256.
 */
export function quantizedBytes(m: number, k: number, group: number, tile: number): number {
  const tokens = m <= streamedTokens ? 1 : tile
  return Math.ceil(m / tokens) * tokens * (k / group) * (group + (group === 256 ? 52 : 8))
}

/** `attention`: transposed queries and keys, values, sums, a block of scores, five rows of statistics. */
export function attentionWorkspaceBytes(headSize: number): number {
  const padded = Math.ceil(headSize / 16) * 16
  return 192 * (2 * headSize + 2 * padded) + 9216 + 832
}

/** `attentionGradient`: four transposed blocks, six untransposed ones, two of scores, four rows of statistics. */
export function attentionGradientWorkspaceBytes(headSize: number): number {
  const padded = Math.ceil(headSize / 16) * 16
  return 192 * (4 * headSize + 6 * padded) + 18432 + 640
}

/** `pagedAttention`: what a block of queries needs; single rows need less. */
export function pagedAttentionWorkspaceBytes(headSize: number): number {
  return attentionWorkspaceBytes(headSize)
}

/** `topK`: keys, ids and ranks of the entries that may be among the greatest. */
export function topKWorkspaceBytes(k: number): number {
  return 12 * (4 * k + 8)
}

/** Where a kernel that calls another for the places of one expert keeps the words of that one. */
export const innerWordBytes = 64

/** Bytes of what `expertQuantizeRows` writes: of every expert up to a tile less one token more than it has rows. */
export function expertQuantizedBytes(places: number, experts: number, k: number, group: number, tile: number): number {
  return (places + (tile - 1) * experts) * quantizedBytes(1, k, group, tile)
}
