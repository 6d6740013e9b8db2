/** Which passages go with a question. */
import type { Passage } from './passage.ts'
import { beginningOf } from './split.ts'

/** What a rank counts for falls with it so slowly that two lists that both have a passage outdo the first of one. */
const rankOffset = 60

const keyOf = ({ address, text }: Passage): string => `${address}\n${text.replaceAll(/\s+/g, ' ').trim()}`

/**
 * Lists that different queries gave as one, by reciprocal ranks (Cormack, Clarke, Büttcher, 2009); what is in two lists is in it once.
 */
export function fuse(lists: readonly (readonly Passage[])[]): Passage[] {
  const scores = new Map<string, { passage: Passage; score: number }>()
  for (const list of lists) {
    for (const [rank, passage] of list.entries()) {
      const known = scores.get(keyOf(passage)) ?? { passage, score: 0 }
      known.score += 1 / (rankOffset + rank)
      scores.set(keyOf(passage), known)
    }
  }
  return [...scores.values()].sort((a, b) => b.score - a.score).map(({ passage }) => passage)
}

/** What a passage takes, in tokens. */
type CountTokens = (passage: Passage) => number | Promise<number>

/**
 * The first passages that there is room for, at most so many. The first one is cut where it alone is too long.
 *
 * @param room tokens for all of them
 */
export async function fitting(
  passages: readonly Passage[],
  tokensOf: CountTokens,
  { room, count }: { readonly room: number; readonly count: number },
): Promise<Passage[]> {
  const chosen: Passage[] = []
  let left = room
  for (const passage of passages) {
    if (chosen.length === count) break
    const tokens = await tokensOf(passage)
    if (tokens > left) continue
    chosen.push(passage)
    left -= tokens
  }
  const [first] = passages
  if (chosen.length > 0 || first === undefined) return chosen
  const cut = await cutTo(first, tokensOf, room)
  return cut === undefined ? [] : [cut]
}

/** As much from the beginning as there is room for. */
async function cutTo(passage: Passage, tokensOf: CountTokens, room: number): Promise<Passage | undefined> {
  const cutAt = (most: number): Passage => ({ ...passage, text: `${beginningOf(passage.text, most).trimEnd()}…` })
  let [low, high] = [0, passage.text.length]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if ((await tokensOf(cutAt(middle))) <= room) low = middle
    else high = middle - 1
  }
  return low === 0 ? undefined : cutAt(low)
}
