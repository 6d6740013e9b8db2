/** Names that somebody may have meant who typed another. */

/** Insertions, deletions, substitutions and exchanges of neighbours that turn one text into another (Damerau, 1964). */
function editDistance(left: string, right: string): number {
  let before: readonly number[] = []
  let row: readonly number[] = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++) {
      const [a, b] = [left[i - 1], right[j - 1]]
      const isExchange = i > 1 && j > 1 && a === right[j - 2] && left[i - 2] === b
      next[j] = Math.min(
        (row[j - 1] ?? 0) + (a === b ? 0 : 1),
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        isExchange ? (before[j - 2] ?? 0) + 1 : Infinity,
      )
    }
    before = row
    row = next
  }
  return row[right.length] ?? 0
}

/** How many letters may be wrong: one in three, since names are short. */
const mistakesIn = (typed: string): number => Math.max(1, Math.floor(typed.length / 3))

/** Distances of what is more than a beginning: they go after mistakes of one letter. */
const beginning = 1.5

function distance(typed: string, name: string): number {
  if (name.length > typed.length && typed.length >= 3 && name.startsWith(typed)) return beginning
  // What is much longer or shorter has that many mistakes at least.
  if (Math.abs(name.length - typed.length) > mistakesIn(typed)) return Infinity
  return editDistance(typed, name)
}

/**
 * The names that are nearest to what was typed, all equally near: with at most a third of its letters wrong, or those that begin
 * with it. Case does not count, and of a name with folders its end alone may be meant.
 *
 * @param most how many to give, the shortest first
 */
export function nearestNames(typed: string, names: Iterable<string>, most = 3): string[] {
  const wanted = typed.toLowerCase()
  const found = [...new Set(names)].map((name) => {
    const lower = name.toLowerCase()
    const end = lower.slice(lower.lastIndexOf('/') + 1)
    return { name, away: Math.min(distance(wanted, lower), distance(wanted, end)) }
  })
  const nearest = Math.min(...found.map(({ away }) => away))
  if (nearest > Math.max(beginning, mistakesIn(wanted))) return []
  return found
    .filter(({ away }) => away === nearest)
    .map(({ name }) => name)
    .sort((left, right) => left.length - right.length)
    .slice(0, most)
}
