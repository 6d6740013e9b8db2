/** Names that get a value from one another, in a chain whose links stand far apart. */
import type { Random } from '../../base/random.ts'
import type { Haystack } from './haystacks.ts'
import { insertBetween, type RulerKind, type Sample } from './kinds.ts'

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** Names that get the value of the one before. */
const hops = 4

/** Sentences around the chain of the example. */
const exampleSentences = 6

function drawName(random: Random): string {
  return Array.from({ length: 5 }, () => letters[random.integer(0, letters.length)]).join('')
}

function chained(sentences: readonly string[], random: Random): Sample {
  const drawn = new Set<string>()
  while (drawn.size < hops + 1) drawn.add(drawName(random))
  const chain = [...drawn]
  const value = random.integer(10_000, 100_000)
  const told = chain.map((name, index) =>
    index === 0 ? `Let ${name} be ${value}.` : `Let ${name} be the same as ${chain[index - 1]}.`,
  )
  const text = insertBetween(sentences, told, random).join(' ')
  const prompt =
    `Names are given values in the text that follows, some by way of other names.\n\n${text}\n\nWhich names have the value ${value}?\n` +
    `Answer: The ${hops + 1} names that have the value ${value} are`
  return { prompt, answers: chain }
}

/** The units are sentences around the chain; a short text with its answer comes first. */
export function trackingKind(name: string, haystack: Haystack): RulerKind {
  return {
    name,
    maxTokens: 30,
    fewest: 4,
    build(units, random) {
      const example = chained(haystack(exampleSentences), random)
      const { prompt, answers } = chained(haystack(units), random)
      return { prompt: `${example.prompt} ${example.answers.join(', ')}\n\n${prompt}`, answers }
    },
  }
}
