const [left, right, top, bottom] = [40, 590, 10, 140]

/** Draws the losses so far into the picture of index.html. @param steps how many there will be */
export function drawLosses(picture: Element, losses: readonly number[], steps: number): void {
  const highest = Math.max(...losses)
  const points = losses.map((loss, index) => {
    const x = left + ((right - left) * index) / Math.max(1, steps - 1)
    const y = bottom - ((bottom - top) * loss) / highest
    return `${x.toFixed(1)},${y.toFixed(1)}`
  })
  picture.querySelector('polyline')?.setAttribute('points', points.join(' '))
  const label = picture.querySelector('text')
  if (label !== null) label.textContent = highest.toFixed(1)
}
