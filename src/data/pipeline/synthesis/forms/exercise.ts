import { z } from 'zod'
import type { Rejected } from '../../asking/answer.ts'
import { isSameValue, valueOf, valuesIn, type Value } from '../arithmetic/value.ts'
import { defineForm, faultOfLengths, type DraftFault } from './form.ts'

/** More is an explanation, which no two people put in the same words. */
const mostAnswerWords = 12

const schema = z.object({ question: z.string(), steps: z.array(z.string()), answer: z.string() })
type Exercise = z.infer<typeof schema>

/** An exercise with a worked answer, whose end can be compared with that of another solution. */
export const exercise = defineForm({
  task: 'Write one exercise and its worked answer. The question holds all that is needed and has exactly one right answer. It takes several steps of thinking and is not answered by remembering. Each step says what is done and why; computations are written as equations. The final answer is a number with its unit, or a few words.',
  openings: [
    'The question tells of a person who wants to do something.',
    'The question begins with what was measured or counted.',
    'The question asks what changes if one thing is changed.',
    'The question compares two cases.',
    'The question gives the result and asks for what led to it.',
    'The question describes a plan and asks whether it works, and what decides.',
  ],
  example: { question: 'the question', steps: ['the first step', 'the next step'], answer: 'the final answer' },
  schema,
  isProse: true,
  faultOf: ({ question, steps, answer }) =>
    faultOfLengths({ question: [question, 8], answer: [answer, 1] }) ?? faultOfSteps({ question, steps, answer }),
  draftOf({ question, steps, answer }) {
    const [asked, worked] = [question.trim(), `${stepsText(steps)}\n\nAnswer: ${answer.trim()}`]
    return {
      text: `${asked}\n\n${worked}`,
      messages: [
        { role: 'user', content: asked },
        { role: 'assistant', content: worked },
      ],
      exercise: { question: asked, answer: answer.trim() },
    }
  },
  teaching: ({ steps }) => stepsText(steps),
})

const stepsText = (steps: readonly string[]): string => steps.map((step) => step.trim()).join('\n')

function faultOfSteps({ steps, answer }: Exercise): Rejected<DraftFault> | undefined {
  const incomplete = (detail: string): Rejected<DraftFault> => ({ rejected: 'incomplete', detail })
  if (steps.filter((step) => step.trim() !== '').length < 2) return incomplete('fewer than two steps')
  if (answer.trim().split(/\s+/).length > mostAnswerWords)
    return incomplete(`a final answer of more than ${mostAnswerWords} words`)
  const value = valueOf(answer.trim())
  if (value === undefined || valuesIn(stepsText(steps)).some((step) => isSameSize(step, value))) return undefined
  return incomplete(`the steps do not come to the final answer ${answer}`)
}

/** A minus may stand as a word or a sign that is far away. */
function isSameSize(one: Value, other: Value): boolean {
  return isSameValue({ ...one, value: Math.abs(one.value) }, { ...other, value: Math.abs(other.value) })
}
