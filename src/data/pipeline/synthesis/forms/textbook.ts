import { z } from 'zod'
import { defineForm, faultOfLengths } from './form.ts'

/** A section of a textbook. */
export const textbook = defineForm({
  task: 'Write one section of a textbook, of 300 to 600 words. Explain why things are so and how one finds out, step by step, rather than list facts. Show at least one example in full. Every word that these readers may not know is explained where it first comes.',
  openings: [
    'Begin with something that the readers can see, hear or touch themselves.',
    'Begin with a question that sounds easier than it is.',
    'Begin with a mistake that many people make, and find out what is wrong with it.',
    'Begin with a small problem that somebody has to solve.',
    'Begin with two things that look alike and are not.',
    'Begin with what the readers have learned before, and with what it cannot explain.',
    'Begin with how somebody might have found this out first.',
    'Begin with the shortest statement of the main idea, and spend the rest on why it holds.',
  ],
  example: { title: 'a heading', text: 'paragraphs with an empty line between them' },
  schema: z.object({ title: z.string(), text: z.string() }),
  isProse: true,
  faultOf: ({ title, text }) => faultOfLengths({ title: [title, 1], text: [text, 120] }),
  draftOf: ({ title, text }) => ({ title: title.trim(), text: text.trim() }),
  teaching: ({ text }) => text,
})
