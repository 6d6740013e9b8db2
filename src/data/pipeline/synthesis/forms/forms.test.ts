import { describe, expect, test } from 'vitest'
import { formNames, forms } from './index.ts'

const words = (count: number, word = 'word'): string =>
  Array.from({ length: count }, (_, index) => `${word}${index}`).join(' ')

const exercise = {
  question: 'A box holds 12 pencils. How many pencils are in 7 boxes?',
  steps: ['Each box holds 12, so the boxes together hold 7 × 12.', '7 × 12 = 84 pencils.'],
  answer: '84 pencils',
}
const conversation = {
  turns: [
    { role: 'user', content: 'I thought that 3 + 4 = 8. Is it not so?' },
    { role: 'assistant', content: words(30) },
    { role: 'user', content: 'Why?' },
    { role: 'assistant', content: `So 3 + 4 = 7. ${words(30, 'other')}` },
  ],
}
const textbook = { title: ' Boxes ', text: `${words(80)}\n\nSo 7 × 12 = 84. ${words(80, 'other')}\n` }
const question = { question: 'Why do boxes stack so well?', answer: words(30) }

describe('an answer', () => {
  test('becomes a text, and a conversation where it can be told as one', () => {
    expect(forms.textbook.read(JSON.stringify(textbook))).toEqual({ title: 'Boxes', text: textbook.text.trim() })
    const worked = `${exercise.steps.join('\n')}\n\nAnswer: 84 pencils`
    expect(forms.exercise.read(`\`\`\`json\n${JSON.stringify(exercise)}\n\`\`\``)).toEqual({
      text: `${exercise.question}\n\n${worked}`,
      messages: [
        { role: 'user', content: exercise.question },
        { role: 'assistant', content: worked },
      ],
      exercise: { question: exercise.question, answer: '84 pencils' },
    })
    // What a user gets wrong is not held against the text.
    expect(forms.conversation.read(JSON.stringify(conversation))).toMatchObject({ messages: conversation.turns })
    expect(forms.question.read(JSON.stringify(question))).toMatchObject({
      text: `${question.question}\n\n${words(30)}`,
    })
  })

  test.each<[string, keyof typeof forms, object | string, string]>([
    ['prose', 'textbook', 'Boxes are fine.', 'not readable'],
    ['an excuse', 'question', 'I am sorry, I cannot.', 'refused'],
    ['another form', 'exercise', textbook, 'not readable'],
    ['no title', 'textbook', { ...textbook, title: '' }, 'too short'],
    ['a short section', 'textbook', { ...textbook, text: words(50) }, 'too short'],
    ['a wrong equation', 'textbook', { ...textbook, text: textbook.text.replace('84', '74') }, 'wrong arithmetic'],
    ['a formula in LaTeX', 'textbook', JSON.stringify(textbook).replace('So', String.raw`\frac`), 'damaged text'],
    ['one sentence again and again', 'question', { ...question, answer: `${words(12)} `.repeat(5) }, 'repeats itself'],
    ['one step', 'exercise', { ...exercise, steps: ['7 × 12 = 84'] }, 'incomplete'],
    ['an answer that does not follow', 'exercise', { ...exercise, answer: '96 pencils' }, 'incomplete'],
    ['an answer that goes on', 'exercise', { ...exercise, answer: `84 ${words(20)}` }, 'incomplete'],
    ['a wrong step', 'exercise', { ...exercise, steps: ['6 × 12 = 84', '84'] }, 'wrong arithmetic'],
    ['no question', 'exercise', { ...exercise, question: 'How many?' }, 'too short'],
    ['two turns', 'conversation', { turns: conversation.turns.slice(0, 2) }, 'incomplete'],
    [
      'the user at the end',
      'conversation',
      { turns: [...conversation.turns, conversation.turns[0]] },
      'roles out of turn',
    ],
    [
      'roles that do not change',
      'conversation',
      { turns: conversation.turns.map((turn) => ({ ...turn, role: 'user' })) },
      'roles out of turn',
    ],
    [
      'another role',
      'conversation',
      { turns: [{ role: 'system', content: 'x' }, ...conversation.turns] },
      'not readable',
    ],
    [
      'somebody who says nothing',
      'conversation',
      { turns: conversation.turns.map((turn, index) => ({ ...turn, content: index === 2 ? ' ' : turn.content })) },
      'incomplete',
    ],
    [
      'a wrong equation of the assistant',
      'conversation',
      { turns: conversation.turns.map((turn) => ({ ...turn, content: turn.content.replace('= 7', '= 9') })) },
      'wrong arithmetic',
    ],
  ])('with %s is not taken', (_, form, answer, rejected) => {
    const text = typeof answer === 'string' ? answer : JSON.stringify(answer)
    expect(forms[form].read(text)).toMatchObject({ rejected })
  })
})

test.each(formNames)('the example of the form %s has what its schema asks for', (name) => {
  const { example, schema } = forms[name]
  expect(schema).toMatchObject({ type: 'object', required: Object.keys(example), additionalProperties: false })
  expect(new Set(forms[name].openings).size).toBe(forms[name].openings.length)
})
