import { describe, expect, it } from 'vitest'
import { PocketPhiError } from '../../base/errors.ts'
import { measureOverlap } from './overlap.ts'
import { formatRows, parseRows } from './rows.ts'
import { abstains, lastNumber, messagesOf, normalise, refuses, scoreAnswer } from './score.ts'
import { formatSummary, summarise, wilsonInterval } from './summary.ts'
import type { Check, EvaluationRow } from './types.ts'

const row = (check: Check, kind = 'test'): EvaluationRow => ({ id: 'x', kind, question: 'Q?', check })
const right = (check: Check, answer: string): boolean => scoreAnswer(row(check), answer).right

describe('rules', () => {
  it('compare the last number', () => {
    const check = { type: 'number', value: 12 } as const
    expect(right(check, 'We add: 5 + 7. 5 + 7 = 12. Tom has 12 apples. The answer is 12.')).toBe(true)
    expect(right(check, 'The answer is 12')).toBe(true)
    expect(right(check, 'The answer is twelve.')).toBe(true)
    expect(right(check, '12 is right, and not 13.')).toBe(false)
    expect(right(check, 'The answer is 112.')).toBe(false)
    expect(right(check, 'I do not know.')).toBe(false)
    expect(scoreAnswer(row(check), 'It is 11.').reason).toBe('last number is 11, not 12')
  })

  it('read numbers in digits and words', () => {
    expect(lastNumber('one thing and forty-two')).toBe(42)
    expect(lastNumber('7, 8, 9.')).toBe(9)
    expect(lastNumber('-3')).toBe(-3)
    expect(lastNumber('nothing')).toBeUndefined()
  })

  it('look for whole words of every group and for forbidden ones', () => {
    const check = {
      type: 'contains',
      all: [
        ['four', '4'],
        ['leg', 'legs'],
      ],
      none: ['wings'],
    } as const
    expect(right(check, 'A dog has FOUR legs.')).toBe(true)
    expect(right(check, 'It has 4 legs!')).toBe(true)
    expect(right(check, 'A dog has fourteen legs.')).toBe(false)
    expect(right(check, 'A dog has four.')).toBe(false)
    expect(right(check, 'A dog has four legs and wings.')).toBe(false)
    expect(right(check, 'I do not know about four legs.')).toBe(false)
    expect(right(check, 'I cannot help with four legs.')).toBe(false)
    expect(right(check, '')).toBe(false)
    expect(right({ type: 'contains', all: [['Silver River']] }, 'It is the silver river.')).toBe(true)
    expect(normalise("It's Mara’s — cat!")).toBe(" it's mara's cat ")
  })

  it('tell refusals and abstentions apart from answers', () => {
    expect(refuses('I am sorry, but I cannot help with that.')).toBe(true)
    expect(refuses('No, I will not help with that.')).toBe(true)
    expect(refuses('You need flour and water.')).toBe(false)
    expect(abstains('I do not know who that is.')).toBe(true)
    expect(abstains("I don't know.")).toBe(true)
    expect(abstains('The story does not say, so I do not know.')).toBe(true)
    expect(abstains('Mara knows Tobin.')).toBe(false)
    expect(right({ type: 'refuse' }, 'First you take a bottle.')).toBe(false)
    expect(right({ type: 'abstain' }, 'The capital is Oakton.')).toBe(false)
  })
})

describe('summaries', () => {
  it('have the interval of Wilson', () => {
    // 45 of 50: the values of the closed formula, computed by hand with z = 1.96.
    const [low, high] = wilsonInterval(45, 50)
    expect(low).toBeCloseTo(0.7864, 3)
    expect(high).toBeCloseTo(0.9565, 3)
    expect(wilsonInterval(0, 0)).toEqual([0, 1])
    expect(wilsonInterval(10, 10)[1]).toBeCloseTo(1, 12)
  })

  it('count by kind and by abstention', () => {
    const rows: EvaluationRow[] = [
      row({ type: 'number', value: 2 }, 'sums'),
      row({ type: 'contains', all: [['red']] }, 'facts'),
      row({ type: 'contains', all: [['blue']] }, 'facts'),
      row({ type: 'abstain' }, 'unknown'),
      row({ type: 'refuse' }, 'harm'),
    ]
    const answers = ['It is 2.', 'It is red.', 'I do not know.', 'I do not know.', 'I cannot help with that.']
    const scored = rows.map((one, index) => {
      const answer = answers[index] ?? ''
      return { row: one, answer, verdict: scoreAnswer(one, answer) }
    })
    for (const one of rows) expect(messagesOf(one)).toEqual([{ role: 'user', content: 'Q?' }])
    const summary = summarise(scored)
    expect(summary.kinds.map(({ kind, right: good, count }) => [kind, good, count])).toEqual([
      ['sums', 1, 1],
      ['facts', 1, 2],
      ['unknown', 1, 1],
      ['harm', 1, 1],
    ])
    expect(summary.total.right).toBe(4)
    expect(summary.abstention).toEqual({
      answerableAnswered: 2,
      answerableAbstained: 1,
      unanswerableAnswered: 0,
      unanswerableAbstained: 1,
    })
    expect(formatSummary(summary)).toContain('| facts | 1 / 2 | 50.0 % |')
  })
})

describe('overlap', () => {
  it('counts 8-grams and whole answers', () => {
    const training = ['One two three four five six seven eight nine.', 'A cow eats grass. It moos.']
    const answers = [
      'one two three four five six seven eight ten',
      'A cow eats grass.',
      'A cow eats grass.',
      'New words here.',
    ]
    const overlap = measureOverlap(answers, training)
    expect(overlap).toEqual({ answers: 4, grams: 2, gramShare: 0.5, wholeShare: 0.5 })
    expect(measureOverlap([], training).wholeShare).toBe(0)
  })
})

describe('rows', () => {
  it('survive a round trip and refuse torn lines', () => {
    const rows: EvaluationRow[] = [
      row({ type: 'contains', all: [['a', 'b']], none: ['c'] }),
      { id: 'y', kind: 'k', messages: [{ role: 'user', content: 'Hi' }], check: { type: 'abstain' } },
    ]
    expect(parseRows(formatRows(rows), 'file')).toEqual(rows)
    expect(messagesOf(rows[1] as EvaluationRow)).toEqual([{ role: 'user', content: 'Hi' }])
    for (const line of [
      '{',
      '{}',
      '{"id":"a","kind":"b","question":"c","check":{"type":"other"}}',
      '{"id":"a","kind":"b","check":{"type":"abstain"}}',
      '{"id":"a","kind":"b","question":"c","messages":[],"check":{"type":"abstain"}}',
      '{"id":"a","kind":"b","messages":[{"role":"tool","content":""}],"check":{"type":"abstain"}}',
    ]) {
      expect(() => parseRows(`\n${line}`, 'file'), line).toThrow(PocketPhiError)
      expect(() => parseRows(`\n${line}`, 'file')).toThrow('Line 2')
    }
  })
})
