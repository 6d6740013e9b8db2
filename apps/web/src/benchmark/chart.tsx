interface ChartProps {
  /** Tokens per second, round by round. */
  readonly values: readonly number[]
}

const [width, height] = [400, 96]
const mostBars = 40

/** A bar for each round, or for as many together as there is room for; from nothing up, so that small differences look small. */
export function Chart({ values }: ChartProps) {
  const share = Math.ceil(values.length / mostBars)
  const bars = Array.from({ length: Math.ceil(values.length / share) }, (_, index) => {
    const part = values.slice(index * share, (index + 1) * share)
    return part.reduce((sum, value) => sum + value, 0) / part.length
  })
  const most = Math.max(...bars)
  const step = width / Math.max(12, bars.length)
  const label = `Tokens written per second, from the first rounds to the last: ${bars.map((value) => value.toFixed(0)).join(', ')}`
  return (
    <svg class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      {bars.map((value, index) => {
        const tall = Math.max(2, (value / most) * height)
        return <rect key={index} x={index * step} y={height - tall} width={step * 0.75} height={tall} rx={2} />
      })}
    </svg>
  )
}
