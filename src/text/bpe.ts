import { utf8 } from './characters.ts'
import { mergePieces, withoutResults, type MergeRules } from './merge.ts'

/** A byte-pair model over the characters of a span; for byte-level vocabularies each character stands for one byte. */
export interface BpeModel {
  readonly ids: ReadonlyMap<string, number>
  readonly rules: MergeRules
  /** For byte fallback: the piece of every byte, -1 where the vocabulary lacks it. */
  readonly byteIds?: Int32Array
  /** The piece for characters that nothing else covers; without one they are dropped. */
  readonly unknownId?: number
  /** Whether neighbouring unknown characters become one unknown piece. */
  readonly fuseUnknown: boolean
  /** Whether a span that is itself a piece is taken whole, whatever the merges would make. */
  readonly wholeSpans: boolean
  /** Where a span may be cut before it is merged without changing the result (see `findCuts`). */
  readonly cuts?: CutRule
}

/**
 * A span may be cut before every `mark`, except after one of the characters in `joiners`: no piece of the vocabulary
 * reaches across such a place, so that no merge does.
 */
export interface CutRule {
  readonly mark: string
  readonly joiners: ReadonlySet<string>
}

/** Encodes one span, appending to `output`. */
export type SpanEncoder = (span: string, output: number[]) => void

/** Spans longer than this are not worth remembering. */
const longestRemembered = 64

/** The cache of spans is emptied when it holds this many. */
const rememberedSpans = 50_000

/**
 * An encoder for spans that never makes one of the `forbidden` pieces: text that spells a control token falls into
 * smaller pieces.
 */
export function spanEncoder(model: BpeModel, forbidden: ReadonlySet<number>): SpanEncoder {
  const rules = forbidden.size > 0 ? withoutResults(model.rules, forbidden) : model.rules
  const remembered = new Map<string, readonly number[]>()
  const lookup = (piece: string): number => {
    const id = model.ids.get(piece)
    return id === undefined || forbidden.has(id) ? -1 : id
  }
  const encodeChunk = (chunk: string): readonly number[] => {
    const whole = model.wholeSpans ? lookup(chunk) : -1
    return whole !== -1 ? [whole] : mergePieces(symbols(chunk, model, lookup), rules)
  }
  const append = (chunk: string, output: number[]): void => {
    if (chunk.length > longestRemembered) {
      for (const id of encodeChunk(chunk)) output.push(id)
      return
    }
    let ids = remembered.get(chunk)
    if (ids === undefined) {
      ids = encodeChunk(chunk)
      if (remembered.size >= rememberedSpans) remembered.clear()
      // A slice keeps the whole text it was cut from alive; the key must not.
      remembered.set(chunk.length > 12 ? chunk.split('').join('') : chunk, ids)
    }
    for (const id of ids) output.push(id)
  }
  const { cuts } = model
  if (cuts === undefined) return append
  return (span, output) => {
    let start = 0
    for (let end = span.indexOf(cuts.mark, 1); end !== -1; end = span.indexOf(cuts.mark, end + 1)) {
      const before = span[end - 1] as string
      if (before === cuts.mark || cuts.joiners.has(before)) continue
      append(span.slice(start, end), output)
      start = end
    }
    append(span.slice(start), output)
  }
}

/** The pieces of single characters: what merging starts from. */
function symbols(chunk: string, model: BpeModel, lookup: (piece: string) => number): number[] {
  const ids: number[] = []
  let unknownPending = false
  for (const character of chunk) {
    const id = lookup(character)
    if (id !== -1) {
      if (unknownPending) ids.push(model.unknownId as number)
      unknownPending = false
      ids.push(id)
      continue
    }
    const bytes = model.byteIds === undefined ? undefined : fallbackIds(character, model.byteIds)
    if (bytes !== undefined) {
      // The reference does not close an open unknown piece here; the order is its own.
      ids.push(...bytes)
      continue
    }
    if (model.unknownId === undefined) continue
    if (unknownPending && !model.fuseUnknown) ids.push(model.unknownId)
    unknownPending = true
  }
  if (unknownPending) ids.push(model.unknownId as number)
  return ids
}

function fallbackIds(character: string, byteIds: Int32Array): number[] | undefined {
  const ids: number[] = []
  for (const byte of utf8(character)) {
    const id = byteIds[byte] as number
    if (id === -1) return undefined
    ids.push(id)
  }
  return ids
}

/**
 * Where spans may be cut before `mark` (SentencePiece's `▁`). Undefined when the mark is no piece, or when pieces that
 * are not spelled as their text (bytes, unknown) take part in merges, because then spelling says nothing about reach.
 */
export function findCuts(
  mark: string,
  ids: ReadonlyMap<string, number>,
  merged: Iterable<string>,
  mergeParts: Iterable<number>,
  unspelled: ReadonlySet<number>,
): CutRule | undefined {
  if (!ids.has(mark)) return undefined
  for (const part of mergeParts) if (unspelled.has(part)) return undefined
  const joiners = new Set<string>()
  for (const piece of merged) {
    for (let at = piece.indexOf(mark, 1); at !== -1; at = piece.indexOf(mark, at + 1)) {
      if (piece[at - 1] !== mark) joiners.add(piece[at - 1] as string)
    }
  }
  return { mark, joiners }
}
