import { z } from 'zod'
import { defineForm, faultOfLengths } from './form.ts'

/** A question and an answer that explains. */
export const question = defineForm({
  task: 'Write one question about the topic that such readers could really have, and a good answer of 60 to 200 words. The question asks why, how, or what follows, and can be understood by itself. The answer says first what is asked for and then why it is so, with an example.',
  openings: [
    'The question is about something from everyday life.',
    'The question is about a case at the limit, where the usual rule seems to fail.',
    'The question asks for the difference between two things.',
    'The question asks for the reason of something that is usually taken for granted.',
    'The question asks how one could check something.',
    'The question asks what would happen if something were otherwise.',
  ],
  example: { question: 'the question', answer: 'the answer' },
  schema: z.object({ question: z.string(), answer: z.string() }),
  isProse: true,
  faultOf: ({ question: asked, answer }) => faultOfLengths({ question: [asked, 4], answer: [answer, 25] }),
  draftOf({ question: asked, answer }) {
    const [user, assistant] = [asked.trim(), answer.trim()]
    return {
      text: `${user}\n\n${assistant}`,
      messages: [
        { role: 'user', content: user },
        { role: 'assistant', content: assistant },
      ],
    }
  },
  teaching: ({ answer }) => answer,
})
