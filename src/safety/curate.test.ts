import { describe, expect, test } from 'vitest'
import { curate } from './curate.ts'
import type { Measured } from './measure.ts'
import { gradeOf } from './measures.ts'
import type { MeasureName, Outcome, Part, SeedKind } from './types.ts'

interface Case {
  readonly measure?: MeasureName
  readonly persona?: string
  readonly outcome?: Outcome
  readonly part?: Part
  readonly answer?: string
  readonly severity?: number
}

let number = 0

/** A conversation with one exchange: "Question 7", and what the model said. */
function measured({
  measure = 'harmful-compliance',
  persona = 'direct',
  outcome = 'complied',
  part = 'find',
  answer,
  severity,
}: Case): Measured {
  const id = `${measure}/${++number}`
  const kind: SeedKind = measure === 'over-refusal' ? 'harmless' : 'harmful'
  const seed = {
    set: 'test',
    id,
    kind,
    text: id,
    group: id,
    isForMeasuring: false,
    ...(answer !== undefined && { answer }),
  }
  const said = outcome === 'refused' ? 'I cannot help with that.' : `You do ${id}.`
  const grade = gradeOf(measure, { outcome, turn: 1, reason: 'test', ...(severity !== undefined && { severity }) })
  const messages = [
    { role: 'user', content: `Question ${id}` },
    { role: 'assistant', content: said },
  ] as const
  return { probe: { id, measure, persona, part, seed }, transcript: { id, request: id, messages, grade } }
}

const many = (count: number, one: Case): Measured[] => Array.from({ length: count }, () => measured(one))
const lastOf = ({ messages }: { readonly messages: readonly { readonly content: string }[] }): string =>
  messages.at(-1)?.content ?? ''

describe('failures', () => {
  test('of harm become refusals, chosen over what was said', () => {
    const { conversations, preferences, counts } = curate([measured({ answer: 'No, that hurts.' })])
    expect(counts).toMatchObject({ refusals: 1, answers: 0, counterparts: 0 })
    expect(conversations.map(lastOf)).toEqual(['No, that hurts.'])
    expect(preferences).toMatchObject([{ chosen: 'No, that hurts.', rejected: expect.stringContaining('You do') }])
    expect(preferences[0]?.prompt).toEqual([{ role: 'user', content: expect.stringContaining('Question') }])
  })

  test('of harm without an answer of their own are declined all the same', () => {
    expect(curate(many(3, {})).conversations.map(lastOf)).toSatisfy((answers: string[]) =>
      answers.every((answer) => /not/i.test(answer)),
    )
  })

  test('of over-refusal go the other way around', () => {
    const { preferences, counts } = curate([
      measured({ measure: 'over-refusal', outcome: 'refused', answer: 'You bake it.' }),
    ])
    expect(counts).toMatchObject({ refusals: 0, answers: 1 })
    expect(preferences).toMatchObject([{ chosen: 'You bake it.', rejected: 'I cannot help with that.' }])
  })

  test('without a better answer are counted and left out', () => {
    const { conversations, counts } = curate(many(4, { measure: 'over-refusal', outcome: 'refused' }))
    expect([conversations.length, counts.withoutAnswer]).toEqual([0, 4])
  })

  test('of groundedness get the answer of their row', () => {
    const { conversations, counts } = curate([
      measured({ measure: 'ungroundedness', severity: 3, answer: 'In the text.' }),
    ])
    expect([conversations.map(lastOf), counts.grounded]).toEqual([['In the text.'], 1])
  })
})

describe('balance', () => {
  const right = [...many(9, { measure: 'over-refusal' }), ...many(9, { outcome: 'refused' })]

  test('so many harmless requests are answered as harmful ones are declined', () => {
    const { counts, conversations, preferences } = curate([
      ...many(5, {}),
      ...many(2, { measure: 'over-refusal', outcome: 'refused', answer: 'Yes.' }),
      ...right,
    ])
    expect(counts).toMatchObject({ refusals: 5, answers: 2, counterparts: 3 })
    expect(conversations.length).toBe(10)
    const benign = preferences.filter(({ prompt }) => prompt[0]?.content.includes('over-refusal'))
    expect(benign.length).toBe(5)
    expect(benign.every(({ chosen, rejected }) => !/not/.test(chosen) && /not/.test(rejected))).toBe(true)
  })

  test('where refusals are what is wrong, harmful requests go on being declined', () => {
    const { counts, conversations } = curate([
      ...many(4, { measure: 'over-refusal', outcome: 'refused', answer: 'Yes.' }),
      ...right,
    ])
    expect(counts).toMatchObject({ refusals: 0, answers: 4, counterparts: 4 })
    expect(conversations.map(lastOf).filter((answer) => answer === 'I cannot help with that.').length).toBe(4)
  })
})

describe('balance of each persona', () => {
  const harmless = (count: number, persona: string): Measured[] => many(count, { measure: 'over-refusal', persona })
  /** What is learned of conversations that a persona began. */
  function learnedOf(persona: string, all: readonly Measured[]): { answered: number; refused: number } {
    const ids = all.flatMap(({ probe }) => (probe.persona === persona ? [`Question ${probe.id}`] : []))
    const own = curate(all).conversations.filter(({ messages }) => ids.includes(messages[0]?.content ?? ''))
    const refused = own.filter((one) => /not/.test(lastOf(one))).length
    return { answered: own.length - refused, refused }
  }

  test('harmless requests are answered in the words in which harmful ones are declined', () => {
    const all = [
      ...many(6, { persona: 'prefix', measure: 'jailbreak' }),
      ...many(2, {}),
      ...harmless(20, 'direct'),
      ...harmless(9, 'prefix'),
    ]
    expect(learnedOf('prefix', all)).toEqual({ answered: 6, refused: 6 })
    expect(learnedOf('direct', all)).toEqual({ answered: 2, refused: 2 })
  })

  test('harmful requests go on being declined in words in which harmless ones were refused, whatever others need', () => {
    const all = [
      ...many(5, {}),
      ...many(3, { persona: 'prefix', measure: 'over-refusal', outcome: 'refused', answer: 'Yes.' }),
      ...harmless(9, 'direct'),
      ...many(9, { measure: 'jailbreak', outcome: 'refused' }),
      ...many(9, { persona: 'prefix', measure: 'jailbreak', outcome: 'refused' }),
    ]
    expect(learnedOf('prefix', all)).toEqual({ answered: 3, refused: 3 })
    expect(learnedOf('direct', all)).toEqual({ answered: 5, refused: 5 })
  })

  test('few come again, up to three times, and the rest is of other personas', () => {
    const harm = many(10, { persona: 'prefix', measure: 'jailbreak' })
    expect(learnedOf('prefix', [...harm, ...harmless(4, 'prefix')])).toEqual({ answered: 10, refused: 10 })
    const all = [...harm, ...harmless(2, 'prefix'), ...harmless(9, 'direct')]
    expect(learnedOf('prefix', all)).toEqual({ answered: 6, refused: 10 })
    expect(learnedOf('direct', all)).toEqual({ answered: 4, refused: 0 })
  })
})

describe('of a conversation that begins with small talk', () => {
  /** The persona asks in its third message. */
  function talkedOf(one: Case, turn: number): Measured {
    const { probe, transcript } = measured({ persona: 'crescendo', ...one })
    const messages = [0, 1, 2].flatMap((exchange) => [
      { role: 'user' as const, content: `Message ${exchange}` },
      { role: 'assistant' as const, content: `Answer ${exchange}` },
    ])
    const { grade } = transcript
    return { probe, transcript: { ...transcript, messages, ...(grade !== undefined && { grade: { ...grade, turn } }) } }
  }
  const needless: Case = { measure: 'over-refusal', outcome: 'refused', answer: 'You bake it.' }

  test('the answer of the row stands behind the request alone', () => {
    expect(curate([talkedOf(needless, 5)]).preferences).toMatchObject([
      { chosen: 'You bake it.', rejected: 'Answer 2' },
    ])
    expect(curate([talkedOf(needless, 1)])).toMatchObject({ conversations: [], counts: { withoutAnswer: 1 } })
  })

  test('harm is declined where it was done, and the row has no word for that', () => {
    const { preferences } = curate([talkedOf({ measure: 'jailbreak', answer: 'No, that hurts.' }, 3)])
    expect(preferences).toMatchObject([{ prompt: { length: 3 }, rejected: 'Answer 1' }])
    expect(preferences[0]?.chosen).not.toBe('No, that hurts.')
  })

  test('what came before the request is no counterpart, nor is silence', () => {
    const right: Case = { measure: 'over-refusal' }
    const harm = measured({ persona: 'crescendo', measure: 'jailbreak' })
    expect(curate([harm, talkedOf(right, 1)]).counts.counterparts).toBe(0)
    expect(curate([harm, talkedOf(right, 5)]).counts.counterparts).toBe(1)
    const { probe, transcript } = talkedOf(right, 5)
    const messages = transcript.messages.with(5, { role: 'assistant', content: ' ' })
    expect(curate([harm, { probe, transcript: { ...transcript, messages } }]).counts.counterparts).toBe(0)
  })
})

test('nothing that is held out is learned, as a failure or as a counterpart', () => {
  const found = many(6, {})
  const heldOut = [...many(6, { part: 'held-out' }), ...many(20, { part: 'held-out', measure: 'over-refusal' })]
  const { conversations, preferences } = curate([...heldOut, ...found])
  expect(conversations.length).toBe(6)
  const text = JSON.stringify([conversations, preferences])
  expect(heldOut.filter(({ probe }) => text.includes(`Question ${probe.id}"`))).toEqual([])
})
