/**
 * Educational value, from 0 to 5, as FineWeb-Edu's scale adds it up (Penedo et al., 2024): some information; a topic; explanation; the form of
 * teaching; reasoning. Here rules stand in for the language model that would be asked: they see form and turns of phrase, not truth or sense, and
 * know English alone.
 */
import type { StageSettings } from '../recipe.ts'
import type { DataDocument } from '../document.ts'
import type { DocumentStage } from './step.ts'

/** A value and what it rests on. */
export interface Annotation {
  readonly value: number
  readonly reason: string
}

/** What gives a document its value: rules, or later a classifier that learned from a language model's annotations. */
export type Annotator = (document: DataDocument) => Annotation

/** Turns of phrase by what they are a sign of. */
const signs = {
  explanation:
    /\b(?:is (?:called|known as|defined as|a (?:kind|type|form) of)|are called|refers? to|means that|consists? of|in other words|that is,|the (?:purpose|reason|difference|idea|definition)|describes?|explains?|how (?:to|does|do)|allows? (?:you|us) to|is used (?:to|for|in))\b/gi,
  teaching:
    /\b(?:for (?:example|instance)|e\.g\.|such as|consider (?:a|an|the)|suppose|let us|let's (?:look|see|say|write|add|consider)|figure|table|exercises?|solution|summary|chapter|section|lesson|step \d|learn(?:ing)?|note that|recall|as shown|key (?:terms|concepts|idea))\b/gi,
  reasoning:
    /\b(?:because|therefore|thus|hence|consequently|as a result|it follows|implies|since|so that|which (?:means|makes|causes)|if .{3,60}? then|however|although|in contrast|on the other hand|whereas|due to|leads? to|causes?|depends? on)\b/gi,
  selling:
    /\b(?:buy now|order (?:now|online|today)|free shipping|discount|best price|on sale|click here|subscribe|sign up|contact us|call us|our (?:team|services|customers|products)|check out|limited offer|add to cart|cookies? policy|book (?:now|your)|deals?)\b/gi,
  chatter: /\b(?:I|I'm|I've|my|me|lol|omg|haha|btw)\b/g,
} as const satisfies Readonly<Record<string, RegExp>>

/** Occurrences in a thousand words from which on a sign counts in full. */
const full: Readonly<Record<keyof typeof signs, number>> = {
  explanation: 6,
  teaching: 8,
  reasoning: 10,
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

export const annotateByRules: Annotator = ({ text }) => {
  const words = text.match(/\S+/g) ?? []
  const density = (sign: keyof typeof signs): number => {
    // A few words say little about a thousand.
    const inThousand = ((text.match(signs[sign])?.length ?? 0) * 1000) / Math.max(150, words.length)
    return ramp(inThousand, 0, full[sign])
  }
  const prose = proseShare(text, words.length)
  // Marks and digits in the place of words: logs, tables, lists of links, markup.
  const noise = ramp((text.match(/[\d/\\|<>{}[\]=_@#*~]/g)?.length ?? 0) / Math.max(1, text.length), 0.04, 0.16)
  const parts = {
    information: ramp(words.length, 40, 250) * ramp(prose, 0.1, 0.5),
    topic: ramp(words.length, 80, 500) * ramp(prose, 0.3, 0.75),
    explanation: density('explanation'),
    teaching: density('teaching'),
    reasoning: density('reasoning') * ramp(prose, 0.1, 0.5),
    selling: -1.5 * density('selling'),
    chatter: -1 * density('chatter'),
    noise: -2 * noise,
  }
  const sum = Object.values(parts).reduce((total, part) => total + part, 0)
  const reason = Object.entries(parts)
    .filter(([, part]) => Math.abs(part) >= 0.05)
    .map(([name, part]) => `${name} ${part.toFixed(1)}`)
  return { value: Math.max(0, Math.min(5, sum)), reason: reason.join(', ') }
}

const annotators: Readonly<Record<StageSettings['education']['annotator'], Annotator>> = { rules: annotateByRules }

export const educationStage: DocumentStage<StageSettings['education']> = {
  version: 1,
  scales: { 'educational value': { low: 0, high: 5 } },
  prepare:
    ({ annotator, least }) =>
    (document) => {
      const { value, reason } = annotators[annotator](document)
      const education = Math.round(100 * value) / 100
      const notes = { values: { 'educational value': education }, detail: `${education.toFixed(2)}: ${reason}` }
      return education < least
        ? { dropped: 'little educational value', notes }
        : { kept: { ...document, education }, notes }
    },
}
