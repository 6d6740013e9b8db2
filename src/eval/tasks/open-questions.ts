/** Questions about facts, answered in a few words of which any known spelling counts. */
import { exactMatch } from './measures.ts'
import { textOf, textsOf } from './row.ts'
import type { GenerationTask } from './types.ts'

/** Fields: `id`, `question`, `answers`. */
function openQuestions(name: string, title: string): GenerationTask {
  return {
    kind: 'generation',
    name,
    title,
    folder: name,
    shots: 5,
    maxTokens: 32,
    stop: ['\n', '.', ','],
    read: (row) => {
      const question = `Question: ${textOf(row, 'question').trim().replace(/\?*$/, '?')}\nAnswer:`
      const answers = textsOf(row, 'answers')
      return { id: textOf(row, 'id'), group: '', question, answers, solved: `${question} ${answers[0]}` }
    },
    score: ({ answers }, answer) => ({
      exact_match: exactMatch(answer.trimStart(), answers, { ignoreCase: true, ignorePunctuation: true }),
    }),
  }
}

export const triviaqa = openQuestions('triviaqa', 'TriviaQA')
export const naturalQuestions = openQuestions('nq', 'Natural Questions')
export const popqa = openQuestions('popqa', 'PopQA')
export const bamboogle = openQuestions('bamboogle', 'Bamboogle')
