/** How well scores agree with others. */

/** Places in ascending order, equal values sharing the mean of theirs. */
function ranksOf(values: readonly number[]): Float64Array {
  const order = values.map((_, index) => index).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0))
  const ranks = new Float64Array(values.length)
  for (let first = 0; first < order.length;) {
    let end = first + 1
    while (end < order.length && values[order[end] as number] === values[order[first] as number]) end++
    for (let place = first; place < end; place++) ranks[order[place] as number] = (first + end - 1) / 2
    first = end
  }
  return ranks
}

/** Spearman's rank correlation, with ties; 0 where one side is the same everywhere. */
export function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [ranksOf(a), ranksOf(b)]
  const middle = (a.length - 1) / 2
  let [product, squaresX, squaresY] = [0, 0, 0]
  x.forEach((rank, index) => {
    const [dx, dy] = [rank - middle, (y[index] ?? 0) - middle]
    product += dx * dy
    squaresX += dx * dx
    squaresY += dy * dy
  })
  return squaresX === 0 || squaresY === 0 ? 0 : product / Math.sqrt(squaresX * squaresY)
}

/** The mean of the distances. */
export function meanError(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + Math.abs(value - (b[index] ?? 0)), 0) / Math.max(1, a.length)
}
