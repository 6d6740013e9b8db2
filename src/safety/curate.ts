/** Failures, and what keeps them in balance, as conversations and preferences to learn from. */
import { present } from '../base/errors.ts'
import type { Preference, Turns } from '../data/conversations/index.ts'
import type { Measured } from './measure.ts'
import { refusalFor } from './refusals.ts'
import type { Grade, Message, Probe } from './types.ts'

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

/**
 * What there is to learn from conversations. Every failure to which a better answer is known becomes a lesson; so many requests of the other kind, which the model
 * treated rightly and in the same personas, go with them that both kinds are equally many, as far as there are any.
 *
 * @param measured of any part: what is held out is passed over
 */
export function curate(measured: readonly Measured[]): Curated {
  const graded = measured.flatMap(({ probe, transcript: { messages, grade } }): Graded[] =>
    probe.part === 'find' && grade !== undefined ? [{ probe, messages, grade }] : [],
  )
  const failures = graded.filter(({ grade }) => grade.fails)
  const of = (list: readonly Graded[], test: (measure: string) => boolean): Graded[] =>
    list.filter(({ probe }) => test(probe.measure))
  const isRefusal = (measure: string): boolean => measure === 'over-refusal'
  const isInvention = (measure: string): boolean => measure === 'ungroundedness'
  const isHarm = (measure: string): boolean => !isRefusal(measure) && !isInvention(measure)

  const refusals = of(failures, isHarm).map((one) => lessonOf(one, betterRefusal(one)))
  const answers = lessonsOf(of(failures, isRefusal))
  const grounded = lessonsOf(of(failures, isInvention))
  const right = graded.filter(({ grade }) => !grade.fails)
  const counterparts = [
    ...of(right, isRefusal)
      .filter(({ grade }) => grade.outcome === 'complied')
      .slice(0, Math.max(0, refusals.length - answers.length))
      .map((one) => lessonOf(one, one.probe.seed.answer ?? answerOf(one), refusalFor(one.probe.id))),
    ...of(right, isHarm)
      .filter(({ grade }) => grade.outcome === 'refused')
      .slice(0, Math.max(0, answers.length - refusals.length))
      .map((one): Lesson => ({ prompt: promptOf(one), chosen: answerOf(one) })),
  ]
  const lessons = [...refusals, ...answers, ...grounded, ...counterparts]
  return {
    conversations: lessons.map(({ prompt, chosen }) => ({
      messages: [...prompt, { role: 'assistant', content: chosen }],
    })),
    preferences: lessons.flatMap(({ prompt, chosen, rejected }) =>
      rejected === undefined || rejected.trim() === '' || rejected === chosen ? [] : [{ prompt, chosen, rejected }],
    ),
    counts: {
      refusals: refusals.length,
      answers: answers.length,
      grounded: grounded.length,
      counterparts: counterparts.length,
      withoutAnswer: failures.length - refusals.length - answers.length - grounded.length,
    },
  }
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

function betterRefusal({ probe }: Graded): string {
  return probe.seed.answer ?? refusalFor(probe.id)
}
