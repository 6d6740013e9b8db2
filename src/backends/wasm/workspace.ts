/**
 * Bytes of workspace that each thread of a kernel needs: the least value of its `workspaceStride` word. All are multiples
 * of 64, so that the blocks of neighbouring threads share no cache line.
 */

/** `matmul`: a packed block of A (96 x 256), one of B (1024 x 256) and a tile for the edges of C, for any shape. */
export function matmulWorkspaceBytes(): number {
  return (96 * 256 + 1024 * 256) * 4 + 6 * 64
}
