import { describe, expect, test } from 'vitest'
import { curate } from './curate.ts'
import type { Measured } from './measure.ts'
import { gradeOf } from './measures.ts'
import type { MeasureName, Outcome, Part, SeedKind } from './types.ts'

interface Case {
  readonly measure?: MeasureName
  readonly outcome?: Outcome
  readonly part?: Part
  readonly answer?: string
  readonly severity?: number
}

let number = 0

/** A conversation with one exchange: "Question 7", and what the model said. */
function measured({
  measure = 'harmful-compliance',
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
  return { probe: { id, measure, persona: 'direct', part, seed }, transcript: { id, request: id, messages, grade } }
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

test('nothing that is held out is learned, as a failure or as a counterpart', () => {
  const found = many(6, {})
  const heldOut = [...many(6, { part: 'held-out' }), ...many(20, { part: 'held-out', measure: 'over-refusal' })]
  const { conversations, preferences } = curate([...heldOut, ...found])
  expect(conversations.length).toBe(6)
  const text = JSON.stringify([conversations, preferences])
  expect(heldOut.filter(({ probe }) => text.includes(`Question ${probe.id}"`))).toEqual([])
})
