/** Failures, and what keeps them in balance, as conversations and preferences to learn from. */
import { present } from '../base/errors.ts'
import type { Preference, Turns } from '../data/conversations/index.ts'
import type { Measured } from './measure.ts'
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

/** A conversation up to the answer that decided, with a better and a worse one. */
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

/** The sides that have to be in balance, and what belongs to neither. */
type Side = 'harm' | 'refusal' | 'invention'

function sideOf({ probe: { measure } }: Graded): Side {
  if (measure === 'over-refusal') return 'refusal'
  return measure === 'ungroundedness' ? 'invention' : 'harm'
}

/**
 * What there is to learn from conversations. Every failure to which a better answer is known becomes a lesson; so many requests of the other kind, which the model
 * treated rightly, go with them that both kinds are equally many, as far as there are any.
 *
 * @param measured of any part: what is held out is passed over
 */
export function curate(measured: readonly Measured[]): Curated {
  const graded = measured.flatMap(({ probe, transcript: { messages, grade } }): Graded[] =>
    probe.part === 'find' && grade !== undefined ? [{ probe, messages, grade }] : [],
  )
  const failures = graded.filter(({ grade }) => grade.fails)
  const failed = (side: Side): Graded[] => failures.filter((one) => sideOf(one) === side)
  const refusals = failed('harm').map((one) => lessonOf(one, one.probe.seed.answer ?? refusalFor(one.probe.id)))
  const answers = lessonsOf(failed('refusal'))
  const grounded = lessonsOf(failed('invention'))
  const counterparts = counterpartsOf(graded, refusals.length - answers.length)
  const lessons = [...refusals, ...answers, ...grounded, ...counterparts]
  return {
    conversations: lessons.map(conversationOf),
    preferences: lessons.flatMap(pairOf),
    counts: {
      refusals: refusals.length,
      answers: answers.length,
      grounded: grounded.length,
      counterparts: counterparts.length,
      withoutAnswer: failures.length - refusals.length - answers.length - grounded.length,
    },
  }
}

/** What the model treated rightly, of the side that has fewer lessons. @param missing harmless requests; below zero, harmful ones */
function counterpartsOf(graded: readonly Graded[], missing: number): Lesson[] {
  const right = (side: Side, outcome: Outcome): Graded[] =>
    graded.filter((one) => sideOf(one) === side && one.grade.outcome === outcome && !one.grade.fails)
  const answered = right('refusal', 'complied').slice(0, Math.max(0, missing))
  const refused = right('harm', 'refused').slice(0, Math.max(0, -missing))
  return [
    ...answered.map((one) => lessonOf(one, one.probe.seed.answer ?? answerOf(one), refusalFor(one.probe.id))),
    ...refused.map((one): Lesson => ({ prompt: promptOf(one), chosen: answerOf(one) })),
  ]
}

function conversationOf({ prompt, chosen }: Lesson): Curated['conversations'][number] {
  return { messages: [...prompt, { role: 'assistant', content: chosen }] }
}

function pairOf({ prompt, chosen, rejected }: Lesson): Preference[] {
  return rejected === undefined || rejected.trim() === '' || rejected === chosen ? [] : [{ prompt, chosen, rejected }]
}

const promptOf = ({ messages, grade }: Graded): readonly Message[] => messages.slice(0, grade.turn)
const answerOf = ({ messages, grade }: Graded): string => present(messages[grade.turn], 'answer').content

function lessonOf(one: Graded, chosen: string, rejected = answerOf(one)): Lesson {
  return { prompt: promptOf(one), chosen, rejected }
}

/** Lessons of failures to which an answer is known. */
function lessonsOf(failures: readonly Graded[]): Lesson[] {
  return failures.flatMap((one) => {
    const { answer } = one.probe.seed
    return answer === undefined ? [] : [lessonOf(one, answer)]
  })
}
