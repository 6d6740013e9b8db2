/** What needles are hidden in: prose and sentences without a sense, both made here. */
import { Random } from '../../base/random.ts'
import { colours, names, objects, sentencesOf } from '../../data/recall/index.ts'
import { document } from '../../data/world/index.ts'

/** The first sentences of a text that has no end. */
export type Haystack = (count: number) => readonly string[]

/** The next sentences, made when they are first wanted and kept for all texts. */
function grown(next: () => readonly string[]): Haystack {
  const sentences: string[] = []
  return (count) => {
    while (sentences.length < count) sentences.push(...next())
    return sentences.slice(0, count)
  }
}

/** Sentences of the stories of the closed world, one story after the other. */
export function prose(seed: number): Haystack {
  let index = 0
  return grown(() =>
    document(seed, index++)
      .text.split(/(?<=[.!?])\s+|\n+/)
      .filter((sentence) => sentence !== ''),
  )
}

/** Three words a sentence: "Ada red coin." */
export function noise(seed: number): Haystack {
  const next = sentencesOf(new Random(seed).fork('noise'))
  return grown(() => [next()])
}

/** So many things that have an owner, all different: "Ada's red coin". */
export function ownedThings(count: number, random: Random): string[] {
  const drawn = new Set<string>()
  while (drawn.size < count) drawn.add(`${random.pick(names)}'s ${random.pick(colours)} ${random.pick(objects)}`)
  return [...drawn]
}

/** How many of them there are. */
export const mostOwnedThings = names.length * colours.length * objects.length
