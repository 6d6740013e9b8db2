/** From rounds to medians. */
import { engineName } from './peers.ts'
import type { Roofs } from './roofs.ts'
import type { EngineFacts, Round, RoundCosts, Settings, Speeds } from './rounds.ts'

/** A round as it was measured. */
export type MeasuredRound = Round &
  RoundCosts &
  Partial<EngineFacts> & {
    /** The share of one processor that others took meanwhile; missing where that is not known. */
    readonly others?: number
  }

export type MeasuredRoofs = Roofs & Pick<MeasuredRound, 'others'>

export interface Measured {
  readonly roofs: MeasuredRoofs[]
  /** By who ran them. */
  readonly rounds: Record<string, MeasuredRound[]>
}

/** Medians of a contender; peak memory is the greatest. */
export interface ContenderSummary extends Round {
  readonly name: string
  readonly peakBytes: number
  readonly plannedBytes?: number
}

export interface Summary {
  /** The engine first. */
  readonly contenders: readonly ContenderSummary[]
  /** What the engine reaches, as shares of its roofs. */
  readonly ofRoof: { readonly prompts: Speeds; readonly answers: Speeds; readonly tile?: number }
  readonly roofs: Roofs
}

/** Of an even number of values the mean of the middle two. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** The median of a figure that all rounds have, or none. */
function medianOf(
  rounds: readonly MeasuredRound[],
  figure: 'firstTokenSeconds' | 'tileSeconds' | 'loadSeconds',
): Partial<Record<typeof figure, number>> {
  const values = rounds.flatMap((round) => round[figure] ?? [])
  return values.length === 0 ? {} : { [figure]: median(values) }
}

function medianSpeeds(list: readonly Speeds[], counts: readonly number[]): Speeds {
  const known = counts.filter((count) => list.some((speeds) => speeds[count] !== undefined))
  return Object.fromEntries(known.map((count) => [count, median(list.flatMap((speeds) => speeds[count] ?? []))]))
}

function summariseContender(
  name: string,
  rounds: readonly MeasuredRound[],
  { prompts, depths }: Settings,
): ContenderSummary {
  const plannedBytes = rounds[0]?.plannedBytes
  return {
    name,
    prompts: medianSpeeds(
      rounds.map((round) => round.prompts),
      prompts,
    ),
    answers: medianSpeeds(
      rounds.map((round) => round.answers),
      depths,
    ),
    ...medianOf(rounds, 'firstTokenSeconds'),
    ...medianOf(rounds, 'tileSeconds'),
    ...medianOf(rounds, 'loadSeconds'),
    peakBytes: Math.max(...rounds.map((round) => round.peakBytes)),
    ...(plannedBytes === undefined ? {} : { plannedBytes }),
  }
}

/** Bytes that are read for a token behind so many others: the weights, and what its layers see of the cache. */
export function bytesOfToken(
  { weightBytesPerToken = 0, cacheBytesPerToken = {} }: Partial<EngineFacts>,
  depth: number,
): number {
  return weightBytesPerToken + (cacheBytesPerToken[depth] ?? 0)
}

/** @throws Error while the engine has no round */
export function summarise(settings: Settings, { roofs, rounds }: Measured): Summary {
  const facts = rounds[engineName]?.[0]
  if (facts === undefined) throw new Error('defect: no round of the engine')
  const contenders = Object.entries(rounds).map(([name, list]) => summariseContender(name, list, settings))
  const [engine] = contenders
  const roof = (kind: keyof Roofs): number => median(roofs.map((found) => found[kind]))
  const medianRoofs = {
    readBytes: roof('readBytes'),
    int8Products: roof('int8Products'),
    f32Products: roof('f32Products'),
  }
  const ofProducts = (rate: number): number => rate / medianRoofs.int8Products
  const shares = (speeds: Speeds = {}, share: (speed: number, count: number) => number): Speeds =>
    Object.fromEntries(Object.entries(speeds).map(([count, speed]) => [count, share(speed, Number(count))]))
  return {
    contenders,
    roofs: medianRoofs,
    ofRoof: {
      prompts: shares(engine?.prompts, (speed) => ofProducts(speed * (facts.productsPerToken ?? 0))),
      answers: shares(engine?.answers, (speed, depth) => (speed * bytesOfToken(facts, depth)) / medianRoofs.readBytes),
      ...(engine?.tileSeconds === undefined
        ? {}
        : { tile: ofProducts((facts.productsPerTile ?? 0) / engine.tileSeconds) }),
    },
  }
}
