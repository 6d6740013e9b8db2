/** Questions about pictures with options by letter: the rule of MMMU (arXiv 2311.16502), for all of them. */
import { invalidAnswer } from '../measures.ts'
import { letterOf } from '../row.ts'

/** Marks that go from both ends of an answer, one after the other. */
const edgeMarks = [',', '.', '!', '?', ';', ':', "'"]

/** A letter that stands for an option, and where in an answer. */
interface Mention {
  readonly letter: string
  readonly place: number
}

function withoutEdges(text: string, mark: string): string {
  let [start, end] = [0, text.length]
  while (text[start] === mark) start++
  while (end > start && text[end - 1] === mark) end--
  return text.slice(start, end)
}

/** The last place of each option in the form that `formOf` gives it, of those that are there. */
function mentions(
  text: string,
  letters: readonly string[],
  formOf: (letter: string, place: number) => string,
): Mention[] {
  return letters
    .map((letter, index) => ({ letter, place: text.lastIndexOf(formOf(letter, index)) }))
    .filter(({ place }) => place >= 0)
}

/**
 * The letter that an answer names: in brackets, else by itself, else, in an answer of more than five words, by the text of its option; of several the
 * one that comes last. Where there is none the rule of MMMU guesses; here it is no letter.
 */
export function chosenLetter(answer: string, choices: readonly string[]): string {
  const letters = choices.map((_, place) => letterOf.charAt(place))
  let text = answer.trim()
  for (const mark of edgeMarks) text = withoutEdges(text, mark)
  text = ` ${text} `
  const bracketed = mentions(text, letters, (letter) => `(${letter})`)
  const alone = bracketed.length > 0 ? bracketed : mentions(text, letters, (letter) => ` ${letter} `)
  const isLong = text.trim().split(/\s+/).length > 5
  const spelled =
    alone.length > 0 || !isLong
      ? alone
      : mentions(text.toLowerCase(), letters, (_, place) => choices[place]?.toLowerCase() ?? '')
  return spelled.sort((a, b) => b.place - a.place)[0]?.letter ?? invalidAnswer
}
