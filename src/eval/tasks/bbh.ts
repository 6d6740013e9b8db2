/** BIG-Bench-Hard: 27 tasks with a chain of thought, each with examples of its own (arXiv 2210.09261). */
import { exactMatch, extracted } from './measures.ts'
import { textOf } from './row.ts'
import type { FewShot, GenerationTask } from './types.ts'

/** What a file of examples holds above this line is no part of the prompt: it keeps the text out of corpora. */
const canaryBorder = '-----\n'

/** A prompt of the set: what the task is about, then "Q: … A: …" with a blank line before each. */
function fewShotOf(prompt: string): FewShot {
  const border = prompt.indexOf(canaryBorder)
  const text = border < 0 ? prompt : prompt.slice(border + canaryBorder.length)
  const [preamble = '', ...shots] = text.trim().split(/\n\n(?=Q: )/)
  return { preamble, shots }
}

/** Fields: `id`, `task`, `input`, `target`; of the examples `task`, `cot_prompt`. */
export const bbh: GenerationTask = {
  kind: 'generation',
  name: 'bbh',
  title: 'BigBench-Hard',
  folder: 'bbh',
  shots: 3,
  maxTokens: 512,
  stop: ['</s>', 'Q', '\n\n'],
  examples: (rows) => new Map(rows.map((row) => [textOf(row, 'task'), fewShotOf(textOf(row, 'cot_prompt'))])),
  read: (row) => {
    const question = `Q: ${textOf(row, 'input').trim()}\nA: Let's think step by step.\n`
    const target = textOf(row, 'target').trim()
    const solved = `${question}So the answer is ${target}.`
    return { id: textOf(row, 'id'), group: textOf(row, 'task'), question, answers: [target], solved }
  },
  score: ({ answers }, answer) => ({
    exact_match: exactMatch(extracted(answer, /the answer is (.*)(?=.)/g), answers),
  }),
}
