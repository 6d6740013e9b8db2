/** Word problems: a number is to be found by reasoning in words, and taken out of what was written. */
import { exactMatch, extracted } from './measures.ts'
import { entryOf, textOf } from './row.ts'
import type { GenerationTask } from './types.ts'

/** The number behind the words that the examples end with. */
const announced = /The answer is (-?[0-9.,]+)./g

/** Numbers wherever they stand, with a sign of money or without. */
const anyNumber = /(-?[$0-9.,]{2,})|(-?[0-9]+)/g

/** Fields: `id`, `question`, `answer` (steps with notes in "<<>>", then "#### N"). */
export const gsm8k: GenerationTask = {
  kind: 'generation',
  name: 'gsm8k',
  title: 'GSM-8K',
  folder: 'gsm8k',
  shots: 8,
  maxTokens: 256,
  stop: ['Q:', '</s>', '<|im_end|>'],
  read: (row) => {
    const [steps = '', final = ''] = textOf(row, 'answer').split('####')
    const question = `Q: ${textOf(row, 'question').trim()}\nA:`
    const reasoning = steps.replaceAll(/<<.*?>>/g, '').trim()
    return {
      id: textOf(row, 'id'),
      group: '',
      question,
      answers: [final.trim()],
      solved: `${question} ${reasoning} The answer is ${final.trim()}.`,
    }
  },
  score: ({ answers }, answer) => {
    const matching = { ignored: [/,/g, /\$/g, /^[^]*#### /g, /\.$/g], ignoreCase: true }
    return {
      strict: exactMatch(extracted(answer, announced), answers, matching),
      flexible: exactMatch(extracted(answer, anyNumber, 'last'), answers, matching),
    }
  },
}

/** What a question and its answer in steps are called, by language (arXiv 2210.03057). */
const labels = new Map<string, readonly [question: string, answer: string]>([
  ['bn', ['প্রশ্ন: ', 'ধাপে ধাপে উত্তর:']],
  ['de', ['Frage: ', 'Schritt-für-Schritt-Antwort:']],
  ['en', ['Question: ', 'Step-by-Step Answer:']],
  ['es', ['Pregunta: ', 'Respuesta paso a paso:']],
  ['fr', ['Question : ', 'Réponse étape par étape :']],
  ['ja', ['問題：', 'ステップごとの答え：']],
  ['ru', ['Задача: ', 'Пошаговое решение:']],
  ['sw', ['Swali: ', 'Jibu la Hatua kwa Hatua:']],
  ['te', ['ప్రశ్న: ', 'దశలవారీగా సమాధానం:']],
  ['th', ['โจทย์: ', 'คำตอบทีละขั้นตอน:']],
  ['zh', ['问题：', '逐步解答：']],
])

/** Fields: `id`, `lang`, `question`, `answer` (digits); the reasoning is asked for in the language of the question. */
export const mgsm: GenerationTask = {
  kind: 'generation',
  name: 'mgsm',
  title: 'MGSM',
  folder: 'mgsm',
  shots: 0,
  maxTokens: 256,
  stop: ['\n\n', '</s>', '<|im_end|>'],
  read: (row) => {
    const [asked, answered] = entryOf(row, 'lang', labels)
    const question = `${asked}${textOf(row, 'question').trim()}\n${answered}`
    const answer = textOf(row, 'answer')
    return {
      id: textOf(row, 'id'),
      group: textOf(row, 'lang'),
      question,
      answers: [answer],
      solved: `${question} ${answer}`,
    }
  },
  score: ({ answers }, answer) => ({
    flexible: exactMatch(extracted(answer, anyNumber, 'last'), answers, { ignoreCase: true, ignorePunctuation: true }),
  }),
}
