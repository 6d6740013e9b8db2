/**
 * Educational value by rules, which stand in for a language model: they see form and turns of phrase, not truth or sense, and know English
 * alone. The scale of education adds up as that of FineWeb-Edu does (Penedo et al., 2024): some information; a topic; explanation; the form of
 * teaching; reasoning. That of reasoning takes connections, steps and what is general, against dates, names and numbers.
 */
import { highestScore, type Annotator, type Judgement } from './annotation.ts'

/** Turns of phrase by what they are a sign of. */
const signs = {
  explanation:
    /\b(?:is (?:called|known as|defined as|a (?:kind|type|form) of)|are called|refers? to|means that|consists? of|in other words|that is,|the (?:purpose|reason|difference|idea|definition)|describes?|explains?|how (?:to|does|do)|allows? (?:you|us) to|is used (?:to|for|in))\b/gi,
  teaching:
    /\b(?:for (?:example|instance)|e\.g\.|such as|consider (?:a|an|the)|suppose|let us|let's (?:look|see|say|write|add|consider)|figure|table|exercises?|solution|summary|chapter|section|lesson|step \d|learn(?:ing)?|note that|recall|as shown|key (?:terms|concepts|idea))\b/gi,
  reasoning:
    /\b(?:because|therefore|thus|hence|consequently|as a result|it follows|implies|since|so that|which (?:means|makes|causes)|if .{3,60}? then|however|although|in contrast|on the other hand|whereas|due to|leads? to|causes?|depends? on)\b/gi,
  steps:
    /\b(?:first(?:ly)?|second(?:ly)?|then|next|finally|step|let|suppose|assume|given that|substitut\w+|solv(?:e|es|ed|ing)|pro(?:of|ve)|deriv\w+|calculat\w+|we (?:get|find|obtain|have|see|can))\b/gi,
  general:
    /\b(?:in general|generally|any|every|always|whenever|never|method|principle|rule|law|theorem|theory|model|strategy|problem|the same (?:way|holds)|similarly)\b/gi,
  selling:
    /\b(?:buy now|order (?:now|online|today)|free shipping|discount|best price|on sale|click here|subscribe|sign up|contact us|call us|our (?:team|services|customers|products)|check out|limited offer|add to cart|cookies? policy|book (?:now|your)|deals?)\b/gi,
  chatter: /\b(?:I|I'm|I've|my|me|lol|omg|haha|btw)\b/g,
} as const satisfies Readonly<Record<string, RegExp>>

/** Occurrences in a thousand words from which on a sign counts in full. */
const full: Readonly<Record<keyof typeof signs, number>> = {
  explanation: 6,
  teaching: 8,
  reasoning: 10,
  steps: 12,
  general: 10,
  selling: 8,
  chatter: 25,
}

const ramp = (value: number, from: number, to: number): number => Math.max(0, Math.min(1, (value - from) / (to - from)))

/** Share of the words that stand in sentences: runs of words that begin with a capital letter and end as sentences do. */
function proseShare(text: string, words: number): number {
  let inSentences = 0
  for (const [sentence] of text.matchAll(/\p{Lu}[^.!?\n]{20,400}(?:\n[^.!?\n]{2,400}){0,8}[.!?]/gu)) {
    inSentences += sentence.split(/\s+/).length
  }
  return Math.min(1, inSentences / Math.max(1, words))
}

type Parts = Readonly<Record<string, number>>

/** The sum of what speaks for and against a document, within the scale. */
function sumOf(parts: Parts): Judgement {
  const sum = Object.values(parts).reduce((total, part) => total + part, 0)
  const reason = Object.entries(parts)
    .filter(([, part]) => Math.abs(part) >= 0.05)
    .map(([name, part]) => `${name} ${part.toFixed(1)}`)
  return { score: Math.round(100 * Math.max(0, Math.min(highestScore, sum))) / 100, reason: reason.join(', ') }
}

export const annotateByRules: Annotator = ({ text }) => {
  const words = text.match(/\S+/g)?.length ?? 0
  // A few words say little about a thousand.
  const inThousand = (pattern: RegExp): number => ((text.match(pattern)?.length ?? 0) * 1000) / Math.max(150, words)
  const density = (sign: keyof typeof signs): number => ramp(inThousand(signs[sign]), 0, full[sign])
  const prose = proseShare(text, words)
  // Marks and digits in the place of words: logs, tables, lists of links, markup.
  const noise = ramp((text.match(/[\d/\\|<>{}[\]=_@#*~]/g)?.length ?? 0) / Math.max(1, text.length), 0.04, 0.16)
  const reasoning = density('reasoning') * ramp(prose, 0.1, 0.5)
  const chatter = density('chatter')
  const education = {
    information: ramp(words, 40, 250) * ramp(prose, 0.1, 0.5),
    topic: ramp(words, 80, 500) * ramp(prose, 0.3, 0.75),
    explanation: density('explanation'),
    teaching: density('teaching'),
    reasoning,
    selling: -1.5 * density('selling'),
    chatter: -chatter,
    noise: -2 * noise,
  }
  const thinking = {
    connections: 2 * reasoning,
    steps: density('steps') * ramp(prose, 0.1, 0.5),
    general: density('general') * ramp(prose, 0.1, 0.5),
    account: ramp(words, 80, 500) * ramp(prose, 0.3, 0.75),
    // Years, and names within sentences.
    facts: -1.5 * ramp(inThousand(/\b[12]\d{3}\b|(?<=[a-z,] )\p{Lu}\p{Ll}+/gu), 30, 150),
    chatter: -chatter,
    noise: -2 * noise,
  }
  return { education: sumOf(education), reasoning: sumOf(thinking) }
}
