import type { Random } from '../../base/random.ts'
import { drawOpenReading, drawReading } from '../../data/world/kinds/reading.ts'
import { drawSourced, type SourcedExchange, type SourcesSort } from '../../data/world/kinds/reading-sources.ts'
import type { Draft } from './build-facts.ts'
import type { Check } from './types.ts'

/** A made-up text and a question that it answers. */
export function readingDraft(random: Random): Draft {
  const { question, value } = drawReading(random, 'heldOut')
  return { question, check: { type: 'contains', all: [[value]] } }
}

/** A made-up text and a question that it leaves open. */
export function openReadingDraft(random: Random): Draft {
  return { question: drawOpenReading(random, 'heldOut').question, check: { type: 'abstain' } }
}

/** What an answer from sources has to say, and to name; that they do not say where they do not. */
export function sourcedCheck({ values, cited, ordered }: SourcedExchange): Check {
  if (values.length === 0) return { type: 'abstain' }
  const rule = { type: 'contains', all: values.map((value) => [value]), cites: cited } as const
  return ordered === undefined ? rule : { ...rule, none: [ordered] }
}

/** Numbered sources, and a question about them. */
export function sourcedDraft(random: Random, sort: SourcesSort): Draft {
  const exchange = drawSourced(random, 'heldOut', sort)
  return { question: exchange.question, check: sourcedCheck(exchange) }
}
