/** How the steps of a program are cut into runs, between which the caller can abort, and fetch matrices of experts. */
import { present } from '../../base/errors.ts'
import { planSegments } from '../../program/plan.ts'
import type { ExpertPool } from './expert-pools.ts'
import type { Location } from './location.ts'
import { expertWords, numberAt, placeAt, type Step } from './steps.ts'

/** A step that reads a matrix of an expert, and does nothing when no row chose the expert. */
export interface ExpertStep {
  readonly index: number
  readonly matrix: string
  readonly expert: number
  readonly cost: number
  /** Where the address of the slot is to be written. */
  readonly word: Location
}

/** What a segment has to be given before its steps can run. */
export interface ExpertSteps {
  /** The number of the pool. */
  readonly pool: number
  /** The table of the places, which says what was chosen. */
  readonly table: Location
  /** Without dependencies among them. */
  readonly steps: readonly ExpertStep[]
}

/** The steps [from, to). Those of experts run piece by piece, as their matrices are there. */
export interface Segment {
  readonly from: number
  readonly to: number
  readonly experts?: ExpertSteps
}

/** Where things lie that the words of steps are about. */
export interface SegmentPlaces {
  /** Of a buffer of the program. */
  readonly locate: (buffer: number) => Location
  /** Of the argument block of a step. */
  readonly block: (step: number) => Location
}

/** Cuts steps into segments of at most so much cost; steps over matrices that lie in slots are segments of their own. */
export function cutSegments(
  steps: readonly Step[],
  longest: number,
  pools: readonly ExpertPool[],
  places: SegmentPlaces,
): Segment[] {
  const poolOf = new Map(pools.flatMap(({ matrices }, pool) => [...matrices.keys()].map((name) => [name, pool])))
  const poolAt = (index: number): number | undefined => poolOf.get(steps[index]?.matrix ?? '')
  const segments: Segment[] = []
  for (let from = 0, to = 0; from < steps.length; from = to) {
    const pool = poolAt(from)
    to = from + 1
    while (to < steps.length && poolAt(to) === pool) to++
    if (pool === undefined) {
      const costs = steps.slice(from, to).map(({ cost }) => cost)
      segments.push(...planSegments(costs, longest).map((part) => ({ from: from + part.from, to: from + part.to })))
    } else segments.push({ from, to, experts: expertSteps(steps, from, to, pool, places) })
  }
  return segments
}

function expertSteps(
  steps: readonly Step[],
  from: number,
  to: number,
  pool: number,
  { locate, block }: SegmentPlaces,
): ExpertSteps {
  const { buffer, offset } = present(placeAt(present(steps[from], 'step'), expertWords.table), 'table')
  const table = locate(buffer)
  const found = steps.slice(from, to).map((step, index): ExpertStep => {
    const { memory, address } = block(from + index)
    return {
      index: from + index,
      matrix: present(step.matrix, 'matrix'),
      expert: numberAt(step, expertWords.expert),
      cost: step.cost,
      word: { memory, address: address + 4 * expertWords.matrix },
    }
  })
  return { pool, table: { ...table, address: table.address + offset }, steps: found }
}
