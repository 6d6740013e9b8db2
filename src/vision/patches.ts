/**
 * The patches of a tile as rows of a matrix, row by row, behind a row of zeros for the class: f32[1 + patches, 3 * patch * patch], in each
 * row the samples by channel, line and column, as the weights of a convolution lie.
 *
 * @param tile f32[3, side, side]
 */
export function patchesOf(tile: Float32Array, side: number, patch: number): Float32Array {
  const [count, values] = [side / patch, 3 * patch * patch]
  const rows = new Float32Array((count * count + 1) * values)
  let to = values
  for (let index = 0; index < count * count; index++) {
    const corner = Math.floor(index / count) * patch * side + (index % count) * patch
    for (let channel = 0; channel < 3; channel++) {
      for (let line = 0; line < patch; line++, to += patch) {
        const from = channel * side * side + corner + line * side
        rows.set(tile.subarray(from, from + patch), to)
      }
    }
  }
  return rows
}
