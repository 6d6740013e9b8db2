/** Whether a run is a measurement. Machines are shared: what others do on them at the time can make any figure of it wrong. */
import type { Machine } from './machine.ts'
import { engineName } from './peers.ts'
import type { Settings, Speeds } from './rounds.ts'
import { median, type Measured, type MeasuredRound } from './summary.ts'

/** What a peer reached on a machine that did nothing else. */
export interface CleanRow {
  readonly peer: string
  readonly version: string
  /** As `EngineFacts.shape`. */
  readonly shape: string
  /** As `Machine.processor`. */
  readonly processor: string
  readonly threads: number
  readonly prompts: Speeds
  readonly answers: Speeds
  readonly source: string
}

export interface Verdict {
  readonly valid: boolean
  readonly reason: string
}

/** A peer must reach this share of its clean row. */
const leastOfClean = 0.9
/** Of a quiet machine, others take at most this share of a processor. */
const mostOthers = 0.05

/** Whether nobody else worked meanwhile, as far as is known. */
export function isQuiet({ others = 0 }: Pick<MeasuredRound, 'others'>): boolean {
  return others <= mostOthers
}

export const percent = (share: number): string => `${(100 * share).toFixed(0)} %`

/** The better variant of a peer; undefined where it was not measured so. */
export function bestOf(
  rounds: Measured['rounds'],
  peer: string,
  kind: 'prompts' | 'answers',
  count: number,
): number | undefined {
  const variants = Object.entries(rounds).filter(([name]) => name === peer || name.startsWith(`${peer}, `))
  const speeds = variants.flatMap(([, list]) => {
    const values = list.flatMap((round) => round[kind][count] ?? [])
    return values.length === 0 ? [] : [median(values)]
  })
  return speeds.length === 0 ? undefined : Math.max(...speeds)
}

interface Comparison {
  readonly what: string
  readonly share: number
}

function comparisons({ rounds }: Measured, { threads }: Settings, { processor }: Machine, rows: readonly CleanRow[]) {
  const shape = rounds[engineName]?.[0]?.shape
  const known = rows.filter((row) => row.shape === shape && row.processor === processor && row.threads === threads)
  return known.flatMap((row) =>
    (['prompts', 'answers'] as const).flatMap((kind) =>
      Object.entries(row[kind]).flatMap(([count, clean]): Comparison[] => {
        const speed = bestOf(rounds, row.peer, kind, Number(count))
        const what = `${row.peer} at ${kind === 'prompts' ? `a prompt of ${count}` : `an answer after ${count}`}`
        return speed === undefined ? [] : [{ what, share: speed / clean }]
      }),
    ),
  )
}

/**
 * Valid is a run in which the peers reach 90 % of their clean rows, where one is known for this model, kind of processor and number
 * of threads; else one during which others took at most 5 % of a processor in every round.
 */
export function judge(measured: Measured, settings: Settings, machine: Machine, rows: readonly CleanRow[]): Verdict {
  const found = comparisons(measured, settings, machine, rows)
  const worst = found.toSorted((left, right) => left.share - right.share)[0]
  if (worst !== undefined) {
    const reason = `${worst.what} reached ${percent(worst.share)} of what it reaches on a quiet machine of this kind`
    return { valid: worst.share >= leastOfClean, reason }
  }
  const others = Object.values(measured.rounds).flatMap((list) => list.map((round) => round.others))
  if (others.includes(undefined)) return { valid: false, reason: 'what else ran is not known here' }
  const most = Math.max(0, ...others.filter((share) => share !== undefined))
  return { valid: most <= mostOthers, reason: `others took up to ${percent(most)} of a processor during a round` }
}
