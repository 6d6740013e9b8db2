import type { AtomicOptions } from '../formats/atomic.ts'
import { openJsonLines, readJsonLines, type JsonLinesLog } from '../formats/json-lines.ts'
import type { RewardMetrics } from './step/preferences.ts'

/** What was measured on held-out text, where it was; rewards of a training by preferences. */
export interface HeldOutMetrics {
  readonly heldOutLoss?: number
  readonly heldOutRewardMargin?: number
  readonly heldOutRewardAccuracy?: number
}

/**
 * One line of metrics.jsonl. `seconds` and `tokensPerSecond` are wall-clock; all else is reproducible. `seconds` are those of all steps so far,
 * however often the run was resumed; what was computed again, or lay between two calls, is not among them. `tokensPerSecond` is of this call alone.
 */
export interface Metric extends HeldOutMetrics, Partial<RewardMetrics> {
  readonly step: number
  readonly loss: number
  readonly learningRate: number
  readonly gradientNorm: number
  readonly tokens: number
  readonly tokensPerSecond: number
  readonly seconds: number
}

/** A metrics file that a run appends to; it is synchronised before a checkpoint counts on its rows. */
export type MetricsLog = JsonLinesLog<Metric>

/** The rows of a metrics file up to a step, as far as it is not torn: what follows belongs to no checkpoint and will be computed again. */
export async function readMetrics(file: string, upTo = Infinity): Promise<Metric[]> {
  return await readJsonLines(file, (value) => {
    const row = value as Metric | null | undefined
    return typeof row?.step === 'number' && row.step <= upTo ? row : undefined
  })
}

/**
 * Opens a metrics file for appending; it begins with the rows up to step `from`, and what a dead run wrote after them
 * goes.
 *
 * @throws PocketPhiError `out-of-memory` for a full disk, here and when a row is appended
 */
export async function openMetrics(file: string, from: number, options: AtomicOptions): Promise<MetricsLog> {
  return await openJsonLines(file, await readMetrics(file, from), options)
}

/** At most `count` points: runs of neighbouring steps as their last step and their mean loss. */
function averaged(metrics: readonly Metric[], count: number): { step: number; loss: number }[] {
  const size = Math.max(1, Math.ceil(metrics.length / count))
  return Array.from({ length: Math.ceil(metrics.length / size) }, (_, index) => {
    const run = metrics.slice(index * size, (index + 1) * size)
    return { step: run.at(-1)?.step ?? 0, loss: run.reduce((sum, { loss }) => sum + loss, 0) / run.length }
  })
}

/** The loss over the steps as an SVG picture: the training loss, averaged where it is dense, and the held-out loss. */
export function plotLoss(title: string, metrics: readonly Metric[], term: 'token' | 'pair' = 'token'): string {
  const [width, height, left, bottom] = [760, 360, 56, 40]
  const smooth = averaged(metrics, 500)
  const heldOut = metrics.flatMap(({ step, heldOutLoss }) =>
    heldOutLoss === undefined ? [] : [{ step, loss: heldOutLoss }],
  )
  const lastStep = metrics.at(-1)?.step ?? 1
  const highest = smooth.reduce((most, { loss }) => Math.max(most, loss), 1)
  const x = (step: number): number => left + ((width - left - 16) * step) / lastStep
  const y = (loss: number): number => height - bottom - ((height - bottom - 36) * loss) / highest
  const path = (points: readonly { step: number; loss: number }[]): string =>
    points
      .map(({ step, loss }, index) => `${index === 0 ? 'M' : 'L'}${x(step).toFixed(1)} ${y(loss).toFixed(1)}`)
      .join('')
  const ticks = Array.from({ length: Math.floor(highest) + 1 }, (_, loss) => loss)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${left}" y="20" font-size="14">${title}: loss in nats per ${term}</text>
${ticks.map((loss) => `<path d="M${left} ${y(loss)}H${width - 16}" stroke="#ddd"/><text x="${left - 8}" y="${y(loss) + 4}" text-anchor="end">${loss}</text>`).join('\n')}
<text x="${left}" y="${height - 16}">0</text><text x="${width - 16}" y="${height - 16}" text-anchor="end">step ${lastStep}</text>
<path d="${path(smooth)}" fill="none" stroke="#2563eb" stroke-width="1.5"/>
<path d="${path(heldOut)}" fill="none" stroke="#dc2626" stroke-width="1.5"/>
<text x="${width - 200}" y="20" fill="#2563eb">training</text><text x="${width - 120}" y="20" fill="#dc2626">held out</text>
</svg>
`
}
