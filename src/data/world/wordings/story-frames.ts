/** What stands before a story and between it and its question; every one with every other. */

export const storyLeads: readonly string[] = [
  'A story:',
  'Here is something that happened.',
  'Listen.',
  'I have a story for you.',
  'Please read.',
  'My sister told me this.',
  'I read this in a book.',
  'Let me tell you what happened.',
  'Something for you to read:',
  'Have a look at this.',
  'This happened last week.',
  'Attention, a story!',
  'You get a story and a question.',
  'I found a story.',
  'Here we go.',
]

export const storyLinks: readonly string[] = [
  'Now tell me:',
  'My question is:',
  'And now:',
  'Can you answer this?',
  'What I do not know:',
  'Please answer:',
  'So:',
  'I want to know:',
  'The question:',
  'Do you remember?',
  'One thing is not clear to me.',
  'Help me, please.',
  'Answer in one sentence.',
  'Here comes the question:',
  'Did you understand it?',
]

/** What stands before a question about a story that is there already. */
export const storyAsides: readonly string[] = [
  'According to the story:',
  'Look into the story.',
  'As the story tells it:',
  'Think of the story.',
  'In the story:',
  'Read again, please.',
  'And one more question.',
  'Tell me this:',
]
