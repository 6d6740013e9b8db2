/** Charts as SVG, in the colours of the page that they stand in. */
import { present } from '../../../base/errors.ts'
import { formatCount } from '../../../base/units.ts'
import type { Amount, Histogram } from '../report.ts'
import { escapeHtml } from './html.ts'

const width = 720
const label = 190
const barHeight = 22
const gap = 8

const svg = (height: number, title: string, content: string): string =>
  `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">${content}</svg>`

/** One line of a chart: points from left to right. */
export interface Line {
  readonly label: string
  /** What the style colours it by. */
  readonly kind: 'kept' | 'reason'
  readonly points: readonly (readonly [x: number, y: number])[]
}

/** Ticks from 0 or below the least value to above the greatest, at most about six, at round numbers. */
function ticksOf(least: number, greatest: number): number[] {
  const range = Math.max(greatest - least, Math.abs(greatest) * 1e-6, 1e-12)
  const power = 10 ** Math.floor(Math.log10(range / 5))
  const step = present(
    [1, 2, 5, 10].map((factor) => factor * power).find((size) => range / size <= 5),
    'step',
  )
  const first = Math.floor(least / step)
  return Array.from({ length: Math.ceil(greatest / step - 1e-9) - first + 1 }, (_, index) => (first + index) * step)
}

/** A number with as many digits as ticks need. */
function tickLabel(value: number): string {
  return Math.abs(value) >= 10_000 ? formatCount(value) : String(Number(value.toPrecision(6)))
}

/** Lines over one axis, such as the steps of a training. */
export function lineChart(title: string, lines: readonly Line[], xLabel: string): string {
  const [height, bottom, left, top, right] = [260, 36, 64, 24, 16]
  const all = lines.flatMap(({ points }) => points)
  const most = Math.max(1, ...all.map(([x]) => x))
  const ticks = ticksOf(Math.min(...all.map(([, y]) => y)), Math.max(...all.map(([, y]) => y)))
  const [low, high] = [present(ticks[0], 'tick'), present(ticks.at(-1), 'tick')]
  const xOf = (x: number): string => (left + ((width - left - right) * x) / most).toFixed(1)
  const yOf = (y: number): number => height - bottom - ((height - bottom - top) * (y - low)) / (high - low)
  const grid = ticks.map((tick) => {
    const y = yOf(tick).toFixed(1)
    return `<path d="M${left} ${y}H${width - right}" class="grid"/><text x="${left - 8}" y="${Number(y) + 4}" text-anchor="end">${tickLabel(tick)}</text>`
  })
  const drawn = lines.map(({ kind, points }) => {
    const path = points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${xOf(x)} ${yOf(y).toFixed(1)}`).join('')
    return `<path d="${path}" class="line ${kind}"/>`
  })
  const labels = lines.map(({ label: text, kind }, index) => {
    const y = 14
    const x = left + index * 150
    return `<rect x="${x}" y="${y - 9}" width="10" height="10" class="${kind}"/><text x="${x + 16}" y="${y}">${escapeHtml(text)}</text>`
  })
  const axis = `<text x="${left}" y="${height - 12}">0</text><text x="${width - right}" y="${height - 12}" text-anchor="end">${escapeHtml(`${xLabel} ${most}`)}</text>`
  return svg(height, title, [...grid, ...drawn, ...labels, axis].join(''))
}

export interface Flow {
  readonly name: string
  readonly read: Amount
  readonly kept: Amount
}

const documents = (count: number): string => formatCount(count)

/** How many documents come into each stage, and how many leave it: the darker part. */
export function flowChart(stages: readonly Flow[]): string {
  const most = Math.max(1, ...stages.map(({ read }) => read.documents))
  const scale = (count: number): number => ((width - label - 225) * count) / most
  const rows = stages.map(({ name, read, kept }, index) => {
    const y = index * (barHeight + gap)
    const text =
      kept.documents === read.documents
        ? documents(kept.documents)
        : `${documents(kept.documents)} of ${documents(read.documents)}`
    return (
      `<text x="${label - 10}" y="${y + 15}" text-anchor="end">${escapeHtml(name)}</text>` +
      `<rect x="${label}" y="${y}" width="${scale(read.documents).toFixed(1)}" height="${barHeight}" class="dropped"/>` +
      `<rect x="${label}" y="${y}" width="${scale(kept.documents).toFixed(1)}" height="${barHeight}" class="kept"/>` +
      `<text x="${(label + scale(read.documents) + 8).toFixed(1)}" y="${y + 15}">${text}</text>`
    )
  })
  return svg(stages.length * (barHeight + gap), 'Documents by stage', rows.join(''))
}

/** Bars of one chart; the rest is one more. */
const mostBars = 14

/** Counts by name, the largest first. */
export function barChart(title: string, counts: readonly (readonly [string, number])[]): string {
  const all = counts.toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  const rest = all.slice(mostBars)
  const others = rest.reduce((sum, [, count]) => sum + count, 0)
  const sorted = [...all.slice(0, mostBars), ...(rest.length > 0 ? [[`${rest.length} others`, others] as const] : [])]
  const most = Math.max(1, ...sorted.map(([, count]) => count))
  const rows = sorted.map(([name, count], index) => {
    const y = index * (barHeight + gap)
    const length = ((width - label - 110) * count) / most
    return (
      `<text x="${label - 10}" y="${y + 15}" text-anchor="end">${escapeHtml(name)}</text>` +
      `<rect x="${label}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" class="reason"/>` +
      `<text x="${(label + length + 8).toFixed(1)}" y="${y + 15}">${documents(count)}</text>`
    )
  })
  return svg(sorted.length * (barHeight + gap), title, rows.join(''))
}

/** A distribution. */
export function histogramChart(title: string, { low, high, counts }: Histogram): string {
  const [height, bottom, left] = [150, 24, 8]
  const most = Math.max(1, ...counts)
  const step = (width - 2 * left) / counts.length
  const bars = counts.map((count, index) => {
    const tall = ((height - bottom - 10) * count) / most
    return `<rect x="${(left + index * step).toFixed(1)}" y="${(height - bottom - tall).toFixed(1)}" width="${(step - 1).toFixed(1)}" height="${tall.toFixed(1)}" class="kept"><title>${count}</title></rect>`
  })
  const ticks = [0, 1, 2, 3, 4, 5].map((tick) => {
    const value = low + ((high - low) * tick) / 5
    const anchor = tick === 0 ? 'start' : tick === 5 ? 'end' : 'middle'
    return `<text x="${(left + ((width - 2 * left) * tick) / 5).toFixed(1)}" y="${height - 6}" text-anchor="${anchor}">${Number(value.toFixed(2))}</text>`
  })
  return svg(height, title, [...bars, ...ticks].join(''))
}
