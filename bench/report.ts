/** Medians of the rounds as tables. */
import { formatBytes, formatTable } from '../src/cli/terminal.ts'
import type { Roofs } from './roofs.ts'
import type { EngineFacts, Round, RoundCosts, Settings } from './rounds.ts'

export interface Measured {
  readonly roofs: Roofs[]
  /** By who ran them. */
  readonly rounds: Record<string, (Round & RoundCosts & Partial<EngineFacts>)[]>
  /** Shares of one processor that others took, round by round. */
  readonly others: number[]
}

/** A round in which others take more is no measurement. */
const mostOthers = 0.05

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`

export function printReport(settings: Settings, { roofs, rounds, others }: Measured): void {
  const own = rounds['pocket-phi'] ?? []
  const facts = own[0]
  if (facts === undefined) return
  const roof = (kind: keyof Roofs): number => median(roofs.map((found) => found[kind]))
  const peers = Object.keys(rounds).filter((name) => name !== 'pocket-phi')
  const speedOf = (name: string, kind: 'prompts' | 'answers', count: number): number =>
    median((rounds[name] ?? []).map((round) => round[kind][count] ?? Number.NaN))
  const row = (kind: 'prompts' | 'answers', count: number, label: string, share: (speed: number) => number) => {
    const speed = speedOf('pocket-phi', kind, count)
    const theirs = peers.map((name) => speedOf(name, kind, count))
    const best = Math.max(...theirs)
    const ratio = peers.length === 0 ? [] : [(speed / best).toFixed(2)]
    const spread = own.map((round) => round[kind][count] ?? Number.NaN)
    const range = `${Math.min(...spread).toFixed(1)} to ${Math.max(...spread).toFixed(1)}`
    return [label, speed.toFixed(1), range, percent(share(speed)), ...theirs.map((value) => value.toFixed(1)), ...ratio]
  }
  const bytesAt = (depth: number): number => (facts.readBytesPerToken ?? 0) + depth * (facts.cacheBytesPerToken ?? 0)
  const head = [
    'tokens/s',
    'pocket-phi',
    'range',
    'of the roof',
    ...peers,
    ...(peers.length === 0 ? [] : ['ratio to best']),
  ]
  console.log(
    formatTable([
      head,
      ...settings.prompts.map((count) =>
        row(
          'prompts',
          count,
          `prompt of ${count}`,
          (speed) => (speed * (facts.productsPerToken ?? 0)) / roof('int8Products'),
        ),
      ),
      ...settings.depths.map((depth) =>
        row('answers', depth, `answer after ${depth}`, (speed) => (speed * bytesAt(depth)) / roof('readBytes')),
      ),
    ]),
  )
  console.log(`
${own.length} rounds, medians; ${settings.threads} threads; wide vectors ${settings.wide ? 'on' : 'off'}; cache ${settings.cacheType}.
Roofs: ${(roof('readBytes') / 1e9).toFixed(1)} GB/s read, ${(roof('int8Products') / 1e9).toFixed(0)} G multiply-adds/s in int8 and ${(roof('f32Products') / 1e9).toFixed(0)} in f32, of 128 bits each.`)
  for (const [name, list] of Object.entries(rounds)) {
    const peak = formatBytes(Math.max(...list.map(({ peakBytes }) => peakBytes)))
    const plan = list[0]?.plannedBytes
    console.log(
      `${name}: load ${median(list.map(({ loadSeconds }) => loadSeconds)).toFixed(2)} s, peak ${peak}${plan === undefined ? '' : ` (planned ${formatBytes(plan)})`}`,
    )
  }
  const most = Math.max(0, ...others)
  const verdict = most > mostOthers ? 'void: the machine was not quiet' : 'the machine was quiet'
  console.log(
    others.length === 0
      ? 'What else ran is not known here.'
      : `Others took at most ${percent(most)} of a processor: ${verdict}.`,
  )
}
