/** Failures, and what keeps them in balance, as conversations and preferences to learn from. */
import { present } from '../base/errors.ts'
import { answersToRequest } from './answers.ts'
import type { Preference, Turns } from '../data/conversations/index.ts'
import type { Measured } from './measure.ts'
import { sideOf, type Side } from './measures.ts'
import { refusalFor } from './refusals.ts'
import type { Grade, Message, Outcome, Probe } from './types.ts'

/** What is learned from a round. */
export interface Curated {
  readonly conversations: readonly { readonly messages: Turns }[]
  readonly preferences: readonly Preference[]
  readonly counts: CuratedCounts
}

/** Conversations by why they are there. */
export interface CuratedCounts {
  /** Harm that is now refused. */
  readonly refusals: number
  /** Refusals of harmless requests, which are now answered. */
  readonly answers: number
  /** Answers that had invented something. */
  readonly grounded: number
  /** Harmless requests that were answered, so that refusals do not spread; harmful ones that were refused, so that they stay. */
  readonly counterparts: number
  /** Failures to which no better answer is known. */
  readonly withoutAnswer: number
}

/** A conversation up to the answer that decided, with a better and a worse one. Of what was answered before nothing is learned: it may be harm too. */
interface Lesson {
  readonly prompt: readonly Message[]
  readonly chosen: string
  /** Undefined where nothing worse is known. */
  readonly rejected?: string
}

/** A conversation with its grade. */
interface Graded {
  readonly probe: Probe
  readonly messages: readonly Message[]
  readonly grade: Grade
}

/** How often one request is a counterpart at most: more often, and it would be learned by heart. */
const mostRepeats = 3

/**
 * What there is to learn from conversations. Every failure to which a better answer is known becomes a lesson; so many requests of the other kind, which the model
 * treated rightly, go with them that in the words of every persona both kinds are equally many, as far as there are any: else the persona would be what is learned to be
 * refused.
 *
 * @param measured of any part: what is held out is passed over
 */
export function curate(measured: readonly Measured[]): Curated {
  const graded = measured.flatMap(({ probe, transcript: { messages, grade } }): Graded[] =>
    probe.part === 'find' && grade !== undefined ? [{ probe, messages, grade }] : [],
  )
  const failures = graded.filter(({ grade }) => grade.fails)
  const failed = (side: Side): Graded[] => failures.filter(({ probe }) => sideOf(probe.measure) === side)
  const worthy = graded.filter((one) => !one.grade.fails && answersRequest(one) && answerOf(one).trim() !== '')
  const right = (side: Side, outcome: Outcome): Graded[] =>
    worthy.filter(({ probe, grade }) => sideOf(probe.measure) === side && grade.outcome === outcome)
  const harm = failed('harm')
  const needless = failed('refusal').filter(hasAnswer)
  const inventions = failed('invention').filter(hasAnswer)
  const answered = counterpartsOf(harm, needless, right('refusal', 'complied'))
  const refused = counterpartsOf(needless, harm, right('harm', 'refused'))
  const lessons = [
    ...harm.map((one) => lessonOf(one, ownAnswer(one) ?? refusalFor(one.probe.id))),
    ...[...needless, ...inventions].map((one) => lessonOf(one, knownAnswer(one))),
    ...answered.map((one) => lessonOf(one, knownAnswer(one), refusalFor(one.probe.id))),
    ...refused.map((one): Lesson => ({ prompt: promptOf(one), chosen: answerOf(one) })),
  ]
  return {
    conversations: lessons.map(conversationOf),
    preferences: lessons.flatMap(pairOf),
    counts: {
      refusals: harm.length,
      answers: needless.length,
      grounded: inventions.length,
      counterparts: answered.length + refused.length,
      withoutAnswer: failures.length - harm.length - needless.length - inventions.length,
    },
  }
}

const personaOf = ({ probe: { persona } }: Graded): string => persona

/**
 * For each persona as many of what was right as it has more failures of one kind than of the other. Where it has too few, they come again; what is missing even then
 * comes from other personas, so that all together is in balance.
 */
function counterpartsOf(failures: readonly Graded[], others: readonly Graded[], right: readonly Graded[]): Graded[] {
  const otherFailures = Map.groupBy(others, personaOf)
  const rightByPersona = Map.groupBy(right, personaOf)
  const counterparts: Graded[] = []
  let short = 0
  for (const [persona, failed] of Map.groupBy(failures, personaOf)) {
    const missing = Math.max(0, failed.length - (otherFailures.get(persona)?.length ?? 0))
    const own = rightByPersona.get(persona) ?? []
    const taken = Array.from({ length: mostRepeats }, () => own)
      .flat()
      .slice(0, missing)
    counterparts.push(...taken)
    short += missing - taken.length
  }
  const used = new Set(counterparts)
  return [...counterparts, ...right.filter((one) => !used.has(one)).slice(0, short)]
}

function conversationOf({ prompt, chosen }: Lesson): Curated['conversations'][number] {
  return { messages: [...prompt, { role: 'assistant', content: chosen }] }
}

function pairOf({ prompt, chosen, rejected }: Lesson): Preference[] {
  return rejected === undefined || rejected.trim() === '' || rejected === chosen ? [] : [{ prompt, chosen, rejected }]
}

/** Whether the answer that was graded is one to the request; before it there may have been small talk. */
const answersRequest = ({ probe, messages, grade }: Graded): boolean =>
  answersToRequest(probe, messages).includes(grade.turn)
const ownAnswer = (one: Graded): string | undefined => (answersRequest(one) ? one.probe.seed.answer : undefined)
const hasAnswer = (one: Graded): boolean => ownAnswer(one) !== undefined
const promptOf = ({ messages, grade }: Graded): readonly Message[] => messages.slice(0, grade.turn)
const answerOf = ({ messages, grade }: Graded): string => present(messages[grade.turn], 'answer').content
/** The row's own answer, or else what was said. */
const knownAnswer = (one: Graded): string => ownAnswer(one) ?? answerOf(one)

function lessonOf(one: Graded, chosen: string, rejected = answerOf(one)): Lesson {
  return { prompt: promptOf(one), chosen, rejected }
}
