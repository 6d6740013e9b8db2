/** Which rows run next, of all that wait. */
import { present } from '../base/errors.ts'
import { leastBlockRows } from '../program/ops/cache.ts'
import { logitRows } from '../models/trace.ts'
import type { Sequence } from './sequence.ts'

/** Rows of a sequence that wait to be computed: those behind the computed ones. Of those from `wantedFrom` on something is read. */
export interface BatchRequest {
  readonly sequence: Pick<Sequence, 'ids' | 'computed'>
  readonly wantedFrom: number
}

/** The rows [from, until) of a request. */
export interface Part<Request> {
  readonly request: Request
  readonly from: number
  readonly until: number
}

/** Rows of a batch that also decodes: a long prompt must not make others wait for their next token. */
const mixedRows = 64

/** Below this many rows a pass costs what reading the weights costs, so that padding rows are nearly free. */
const cheapRows = 16

const remaining = ({ sequence }: BatchRequest): number => sequence.ids.length - sequence.computed

/** Tokens of an answer, or a prompt of a few. */
const isShort = (request: BatchRequest): boolean => remaining(request) < leastBlockRows

/**
 * The parts of the next batch: rows that decode first, then prompts in the order in which they came. How a prompt is cut depends
 * on what else there is, and what is computed of it does not: `rowsToTake`.
 *
 * @param requests one at least, with rows that remain
 */
export function nextParts<Request extends BatchRequest>(
  requests: readonly Request[],
  buckets: readonly number[],
): Part<Request>[] {
  const order = requests.toSorted((left, right) => Number(!isShort(left)) - Number(!isShort(right)))
  let rows = rowsOfBatch(order, buckets)
  let wanted = logitRows(rows)
  const parts: Part<Request>[] = []
  for (const request of order) {
    const from = request.sequence.computed
    const unwanted = Math.max(0, request.wantedFrom - from)
    const count = rowsToTake(remaining(request), Math.min(rows, unwanted + wanted))
    if (count <= 0) continue
    rows -= count
    wanted -= Math.max(0, count - unwanted)
    parts.push({ request, from, until: from + count })
  }
  if (parts.length > 0) return parts
  // The largest batch holds no block of any that leaves another: the first is cut anywhere.
  const request = present(order[0], 'requests')
  const { computed: from } = request.sequence
  const room = Math.min(rows, Math.max(0, request.wantedFrom - from) + wanted)
  return [{ request, from, until: from + Math.min(room, remaining(request)) }]
}

/** How many rows a batch of these has at most, with room for a part of the first prompt. */
function rowsOfBatch(order: readonly BatchRequest[], buckets: readonly number[]): number {
  const sum = (requests: readonly BatchRequest[]): number => requests.reduce((rows, each) => rows + remaining(each), 0)
  const short = sum(order.filter(isShort))
  const prompt = order.find((request) => !isShort(request))
  const waiting = sum(order)
  if (short === 0 || prompt === undefined) return rowsToRun(buckets, waiting)
  const least = remaining(prompt) < 2 * leastBlockRows ? remaining(prompt) : leastBlockRows
  return Math.min(Math.max(rowsToRun(buckets, Math.min(waiting, mixedRows)), short + least), buckets.at(-1) ?? 1)
}

/**
 * How many of the rows that remain of a sequence a batch takes that has room for so many. The attention of a block of rows has
 * other last bits than that of a row on its own, and rounding to int8 may make much of them. So a prompt is cut such that all of its
 * rows are computed in blocks; an answer never depends on what it shares its batches with.
 */
function rowsToTake(left: number, room: number): number {
  if (room >= left) return left
  if (left < leastBlockRows) return room
  const rows = Math.min(room, left - leastBlockRows)
  return rows < leastBlockRows ? 0 : rows
}

/** How many tokens of a text whose beginning was computed before need not be computed again, for the same reason. */
export function mostReused(tokens: number): number {
  return tokens < leastBlockRows ? tokens : tokens - leastBlockRows
}

/**
 * How many of the rows that wait are to run next: all of them when a bucket fits them without much padding, else as many
 * as fill the next smaller one.
 */
export function rowsToRun(buckets: readonly number[], waiting: number): number {
  const largest = buckets.at(-1) ?? 1
  if (waiting >= largest) return largest
  const fitting = buckets.find((bucket) => bucket >= waiting) ?? largest
  return fitting <= cheapRows || waiting >= 0.75 * fitting ? waiting : fitting / 2
}
