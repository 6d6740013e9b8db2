import { z } from 'zod'
import type { Rejected } from '../../asking/answer.ts'
import { defineForm, faultOfLengths, type DraftFault } from './form.ts'

const schema = z.object({
  turns: z.array(z.object({ role: z.enum(['user', 'assistant']), content: z.string() })),
})
type Turns = z.infer<typeof schema>['turns']

/** So few turns are a question and its answer. */
const fewestTurns = 4

/** A conversation in which something is understood. */
export const conversation = defineForm({
  task: 'Write a conversation between a user who wants to understand something and an assistant who helps, of four to ten turns. They take turns; the user begins and the assistant has the last word. The user asks as such a person would, goes deeper, and once understands something wrongly, which the assistant clears up in a friendly way. The assistant is exact, gives reasons, and says so where something is not known.',
  openings: [
    'The user has met something odd and wonders about it.',
    'The user has to do something and does not know how to start.',
    'The user has read a claim and doubts it.',
    'The user has tried something that did not work.',
    'The user thinks aloud about an idea and wants to know whether it holds.',
    'The user prepares to explain the subject to somebody else.',
  ],
  example: {
    turns: [
      { role: 'user', content: 'what the user says' },
      { role: 'assistant', content: 'what the assistant says' },
    ],
  },
  schema,
  isProse: false,
  faultOf: ({ turns }) => faultOfTurns(turns),
  draftOf: ({ turns }) => {
    const messages = turns.map(({ role, content }) => ({ role, content: content.trim() }))
    return { text: messages.map(({ content }) => content).join('\n\n'), messages }
  },
  // What a user gets wrong is cleared up by the assistant.
  teaching: ({ turns }) => saidBy('assistant', turns),
})

const saidBy = (wanted: Turns[number]['role'], turns: Turns): string =>
  turns
    .filter(({ role }) => role === wanted)
    .map(({ content }) => content)
    .join('\n')

function faultOfTurns(turns: Turns): Rejected<DraftFault> | undefined {
  if (turns.length < fewestTurns) {
    return { rejected: 'incomplete', detail: `${turns.length} turns of at least ${fewestTurns}` }
  }
  const stray = turns.findIndex(({ role }, index) => role !== (index % 2 === 0 ? 'user' : 'assistant'))
  if (stray >= 0 || turns.length % 2 > 0) {
    const found = turns.map(({ role }) => role).join(', ')
    return {
      rejected: 'roles out of turn',
      detail: `user and assistant do not take turns up to the assistant: ${found}`,
    }
  }
  const silent = turns.findIndex(({ content }) => content.trim() === '')
  if (silent >= 0) return { rejected: 'incomplete', detail: `turn ${silent + 1} says nothing` }
  return faultOfLengths({ 'what the assistant says': [saidBy('assistant', turns), 40] })
}
