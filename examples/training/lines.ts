import type { Conversation } from 'pocket-phi/tune'

/** Conversations of one turn, from lines of the form `question => answer`. @throws Error naming the line that is none */
export function parseLines(text: string): Conversation[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return []
    const [question = '', answer = '', ...rest] = line.split('=>').map((part) => part.trim())
    if (question === '' || answer === '' || rest.length > 0) {
      throw new Error(`Line ${index + 1} is not of the form "question => answer".`)
    }
    return [
      [
        { role: 'user', content: question },
        { role: 'assistant', content: answer },
      ],
    ]
  })
}
