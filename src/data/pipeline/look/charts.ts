/** Charts as SVG, in the colours of the page that they stand in. */
import { formatCount } from '../../../base/units.ts'
import type { Amount, Histogram } from '../report.ts'

export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? character)
}

const width = 720
const label = 190
const barHeight = 22
const gap = 8

const svg = (height: number, title: string, content: string): string =>
  `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">${content}</svg>`

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
