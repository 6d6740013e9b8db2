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
  /** Left out for a peer that has but one. */
  readonly cacheType?: string
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

function comparisons(
  { rounds }: Measured,
  { threads, cacheType }: Settings,
  { processor }: Machine,
  rows: readonly CleanRow[],
) {
  const shape = rounds[engineName]?.[0]?.shape
  const known = rows.filter((row) => {
    const isSameRun = row.shape === shape && row.processor === processor && row.threads === threads
    return isSameRun && (row.cacheType ?? cacheType) === cacheType
  })
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

/** Why rounds are no whole run; undefined when they are. */
function incomplete({ roofs, rounds }: Measured, names: readonly string[], count: number): string | undefined {
  const counts = [roofs, ...names.map((name) => rounds[name] ?? [])].map(({ length }) => length)
  if (counts.some((length) => length !== count)) return `of ${count} rounds of each some are missing`
  const kernels = new Set((rounds[engineName] ?? []).map((round) => round.kernels))
  if (kernels.size > 1) return `rounds ran with different kernels (${[...kernels].join(', ')})`
  return undefined
}

/**
 * Valid is a whole run during which others took at most 5 % of a processor in every round, and the peers reached 90 % of their
 * clean rows, where one is known for this model, kind of processor, number of threads and cache. Where what others took is
 * unknown, there must be such a row.
 *
 * @param names the contenders @param count rounds of each
 */
export function judge(
  measured: Measured,
  settings: Settings,
  machine: Machine,
  rows: readonly CleanRow[],
  { names, count }: { readonly names: readonly string[]; readonly count: number },
): Verdict {
  const missing = incomplete(measured, names, count)
  if (missing !== undefined) return { valid: false, reason: missing }
  const all = [...measured.roofs, ...Object.values(measured.rounds).flat()]
  const known = all.flatMap(({ others }) => others ?? [])
  const most = Math.max(0, ...known)
  const busy = `others took up to ${percent(most)} of a processor during a round`
  if (most > mostOthers) return { valid: false, reason: busy }
  const worst = comparisons(measured, settings, machine, rows).toSorted((left, right) => left.share - right.share)[0]
  if (worst !== undefined) {
    const reason = `${worst.what} reached ${percent(worst.share)} of what it reaches on a quiet machine of this kind`
    return { valid: worst.share >= leastOfClean, reason: `${reason}; ${busy}` }
  }
  return known.length === all.length
    ? { valid: true, reason: busy }
    : { valid: false, reason: 'what else ran is not known here' }
}
