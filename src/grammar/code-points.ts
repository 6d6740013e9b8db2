/** Sets of Unicode characters, and the bytes that UTF-8 writes them in. */
import { choice, oneByte, sequence, type ByteRange, type Expression } from './expression.ts'

/** Inclusive ranges, in order and apart. Surrogates are in no set: UTF-8 cannot write them. */
export type CodePoints = readonly (readonly [first: number, last: number])[]

export const everyCodePoint: CodePoints = [
  [0, 0xd7ff],
  [0xe000, 0x10ffff],
]

/** In order, apart, and without surrogates. */
export function codePoints(ranges: readonly (readonly [number, number])[]): CodePoints {
  const sorted = [...ranges].sort(([left], [right]) => left - right)
  const joined: [number, number][] = []
  for (const [first, last] of sorted) {
    const previous = joined.at(-1)
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last)
    else joined.push([first, last])
  }
  return intersection(joined, everyCodePoint)
}

export function intersection(left: CodePoints, right: CodePoints): CodePoints {
  const both = left.flatMap(([first, last]) =>
    right.map(([from, to]) => [Math.max(first, from), Math.min(last, to)] as const),
  )
  return both.filter(([first, last]) => first <= last).sort(([a], [b]) => a - b)
}

/** All characters that are not in the set. */
export function complement(set: CodePoints): CodePoints {
  const gaps: [number, number][] = []
  let next = 0
  for (const [first, last] of set) {
    if (first > next) gaps.push([next, first - 1])
    next = last + 1
  }
  if (next <= 0x10ffff) gaps.push([next, 0x10ffff])
  return intersection(gaps, everyCodePoint)
}

/** The largest code points of one, two, three and four bytes. */
const limits = [0x7f, 0x7ff, 0xffff, 0x10ffff]
const leads = [0, 0xc0, 0xe0, 0xf0]

/** A character of the set, in UTF-8. */
export function inUtf8(set: CodePoints): Expression {
  const sequences = set.flatMap(([first, last]) =>
    limits.flatMap((limit, index) => {
      const [from, to] = [Math.max(first, index === 0 ? 0 : (limits[index - 1] as number) + 1), Math.min(last, limit)]
      return from > to ? [] : byteSequences(from, to, index)
    }),
  )
  // Single bytes are one set of bytes.
  const single = sequences.filter((ranges) => ranges.length === 1).flat()
  const several = sequences.filter((ranges) => ranges.length > 1)
  const options = several.map((ranges) => sequence(...ranges.map((range) => oneByte(range))))
  return choice(...(single.length > 0 ? [oneByte(...single)] : []), ...options)
}

/** Ranges of bytes whose product is exactly the characters from `first` to `last`, which all have `following` bytes after the lead. */
function byteSequences(first: number, last: number, following: number): ByteRange[][] {
  const lead = leads[following] as number
  if (following === 0) return [[[first, last]]]
  return split(first, last, following).map(([from, to]) =>
    Array.from({ length: following + 1 }, (_, index): ByteRange => {
      const shift = 6 * (following - index)
      if (index === 0) return [lead | (from >> shift), lead | (to >> shift)]
      return [0x80 | ((from >> shift) & 63), 0x80 | ((to >> shift) & 63)]
    }),
  )
}

/** Cuts a range so that within each part, after the first group of six bits that differs, all groups run from 0 to 63. */
function split(first: number, last: number, groups: number): (readonly [number, number])[] {
  for (let group = groups; group > 0; group--) {
    const mask = (1 << (6 * group)) - 1
    if (first >> (6 * group) === last >> (6 * group)) continue
    if ((first & mask) !== 0) return [...split(first, first | mask, groups), ...split((first | mask) + 1, last, groups)]
    if ((last & mask) !== mask) {
      return [...split(first, (last & ~mask) - 1, groups), ...split(last & ~mask, last, groups)]
    }
  }
  return [[first, last]]
}
