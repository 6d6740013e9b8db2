/** Rules that tell text to learn from by its form. Each is one of Gopher's, C4's or FineWeb's (see recipe.ts), in our own words. */
import type { DataDocument } from '../document.ts'
import type { StageSettings } from '../recipe.ts'
import { mostFrequentSequence, repeatedLines, repeatedSequences } from './repetition.ts'
import type { DocumentStage } from './step.ts'
import { hashesOf } from './words.ts'

type Settings = StageSettings['quality']

/** A document as the rules see it. What takes long is computed when it is asked for. */
interface Seen {
  readonly document: DataDocument
  /** Separated by white space, with their marks. */
  readonly words: readonly string[]
  readonly lines: readonly string[]
}

interface Rule {
  readonly reason: string
  /** What was found where the rule is broken. */
  readonly broken: (seen: Seen, settings: Settings) => string | undefined
}

const functionWords = ['the', 'be', 'to', 'of', 'and', 'that', 'have', 'with']

const share = (count: number, of: number): number => count / Math.max(1, of)
const countOf = <T>(items: readonly T[], holds: (item: T) => boolean): number =>
  items.reduce((count, item) => count + Number(holds(item)), 0)
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`

/** A limit from above, told as a percentage. */
const above = (value: number, most: number): string | undefined => (value > most ? percent(value) : undefined)
const below = (value: number, least: number): string | undefined => (value < least ? percent(value) : undefined)

/** Cheap rules first: most documents that are dropped are dropped early. */
const rules: readonly Rule[] = [
  {
    reason: 'placeholder text',
    broken: ({ document }) => (/lorem ipsum/i.test(document.text) ? 'lorem ipsum' : undefined),
  },
  {
    reason: 'too few words',
    broken: ({ words }, { leastWords }) => (words.length < leastWords ? `${words.length} words` : undefined),
  },
  {
    reason: 'too many words',
    broken: ({ words }, { mostWords }) => (words.length > mostWords ? `${words.length} words` : undefined),
  },
  {
    reason: 'words of odd length',
    broken({ words }, { leastWordLength, mostWordLength }) {
      const mean = words.reduce((sum, word) => sum + word.length, 0) / Math.max(1, words.length)
      return mean < leastWordLength || mean > mostWordLength ? `${mean.toFixed(1)} letters` : undefined
    },
  },
  {
    reason: 'too many symbols',
    broken: ({ document, words }, { mostSymbols }) =>
      above(share(document.text.match(/#|…|\.\.\./g)?.length ?? 0, words.length), mostSymbols),
  },
  {
    reason: 'too few words with letters',
    broken: ({ words }, { leastAlphabetic }) =>
      below(
        share(
          countOf(words, (word) => /\p{L}/u.test(word)),
          words.length,
        ),
        leastAlphabetic,
      ),
  },
  {
    reason: 'no function words',
    broken({ document, words }, { leastFunctionWords }) {
      if (document.language !== undefined && document.language !== 'en') return undefined
      const known = new Set(words.map((word) => word.toLowerCase()))
      const count = countOf(functionWords, (word) => known.has(word))
      return count < leastFunctionWords ? `${count} different ones` : undefined
    },
  },
  {
    reason: 'mostly bullets',
    broken: ({ lines }, { mostBulletLines }) =>
      above(
        share(
          countOf(lines, (line) => /^\s*[-*•‣–]/.test(line)),
          lines.length,
        ),
        mostBulletLines,
      ),
  },
  {
    reason: 'lines cut short',
    broken: ({ lines }, { mostEllipsisLines }) =>
      above(
        share(
          countOf(lines, (line) => /(?:…|\.\.\.)\s*$/.test(line)),
          lines.length,
        ),
        mostEllipsisLines,
      ),
  },
  {
    reason: 'mostly short lines',
    broken: ({ lines }, { mostShortLines }) =>
      above(
        share(
          countOf(lines, (line) => line.length <= 30),
          lines.length,
        ),
        mostShortLines,
      ),
  },
  {
    reason: 'few sentences',
    broken: ({ lines }, { leastSentenceLines }) =>
      below(
        share(
          countOf(lines, (line) => /[.!?:;"'”’)。！？]\s*$/.test(line)),
          lines.length,
        ),
        leastSentenceLines,
      ),
  },
  { reason: 'repeated lines', broken: ({ lines }, settings) => brokenLines(lines, settings) },
  { reason: 'repeated words', broken: ({ words }, settings) => brokenSequences(words, settings) },
]

function brokenLines(lines: readonly string[], settings: Settings): string | undefined {
  const repeated = repeatedLines(lines)
  return (
    above(repeated.lines, settings.mostRepeatedLines) ?? above(repeated.characters, settings.mostRepeatedLineCharacters)
  )
}

function brokenSequences(words: readonly string[], settings: Settings): string | undefined {
  const hashes = hashesOf(words)
  const { mostFrequentSequence: frequent, mostRepeatedSequences: repeated } = settings
  for (const [index, most] of frequent.entries()) {
    const length = index + 2
    const found = above(mostFrequentSequence(words, hashes, length), most)
    if (found !== undefined) return `${found} in one sequence of ${length}`
  }
  for (const [index, most] of repeated.entries()) {
    const length = index + 5
    const found = above(repeatedSequences(words, hashes, length), most)
    if (found !== undefined) return `${found} in sequences of ${length}`
  }
  return undefined
}

export const qualityStage: DocumentStage<Settings> = {
  version: 1,
  scales: { 'words (log 10)': { low: 0, high: 5 } },
  prepare: (settings) => (document) => {
    const words = document.text.split(/\s+/).filter((word) => word !== '')
    const lines = document.text.split('\n').filter((line) => line.trim() !== '')
    const seen = { document, words, lines }
    const values = { 'words (log 10)': Math.log10(Math.max(1, words.length)) }
    for (const { reason, broken } of rules) {
      const detail = broken(seen, settings)
      if (detail !== undefined) return { dropped: reason, notes: { detail, values } }
    }
    return { kept: document, notes: { values } }
  },
}
