/**
 * Questions whose options are listed by letter; what is compared are the letters behind "Answer:". The layout is that of the
 * example in appendix A of the Phi-3 report (arXiv 2404.14219).
 */
import { accuracy } from './measures.ts'
import { indexOf, letterIndices, letterOf, optionalText, textOf, textsOf, type Row } from './row.ts'
import type { ChoiceItem, ChoiceTask } from './types.ts'

interface Listed {
  readonly row: Row
  readonly group: string
  readonly question: string
  readonly choices: readonly string[]
  readonly truths: readonly number[]
}

function listedItem({ row, group, question, choices, truths }: Listed): ChoiceItem {
  const lines = choices.map((choice, place) => `${letterOf[place]}. ${choice.trim()}`)
  const context = `Question:\n${question.trim()}\nOptions:\n${lines.join('\n')}\nAnswer:`
  const options = choices.map((_, place) => ({ context, text: letterOf.charAt(place) }))
  return {
    id: textOf(row, 'id'),
    group,
    options,
    truths,
    solved: `${context} ${options[truths[0] ?? 0]?.text}`,
  }
}

/** Fields: `id`, `question`, `choices`, `answer` (from 0 on). */
function plainItem(row: Row): ChoiceItem {
  const choices = textsOf(row, 'choices', 2)
  const truths = [indexOf(row, 'answer', choices.length)]
  return listedItem({ row, group: '', question: textOf(row, 'question'), choices, truths })
}

/** Also `subject`: examples are of the same one. */
function subjectItem(row: Row): ChoiceItem {
  return { ...plainItem(row), group: textOf(row, 'subject') }
}

/**
 * Fields: `id`, `task`, `passage`, `question`, `options` ("(A)text"), `label` (a letter, or several). Without options a question is
 * to be answered in text, which is another task.
 */
function examItem(row: Row): ChoiceItem | undefined {
  const options = row.fields['options']
  if (options === undefined || options === null || (Array.isArray(options) && options.length === 0)) return undefined
  const choices = textsOf(row, 'options', 2).map((option) => option.replace(/^\(?[A-Z][):]\s*/, ''))
  const passage = optionalText(row, 'passage')
  const question = textOf(row, 'question')
  return listedItem({
    row,
    group: textOf(row, 'task'),
    question: passage === undefined ? question : `${passage.trim()}\n${question}`,
    choices,
    truths: letterIndices(row, 'label', choices.length),
  })
}

function letterTask(name: string, title: string, shots: number, read: ChoiceTask['read'] = plainItem): ChoiceTask {
  return {
    kind: 'choice',
    name,
    title,
    folder: name,
    shots,
    read,
    score: (item, logLikelihoods) => ({ acc: accuracy(item, logLikelihoods) }),
  }
}

export const mmlu = letterTask('mmlu', 'MMLU', 5, subjectItem)
export const medqa = letterTask('medqa', 'MedQA', 2)
export const agieval = letterTask('agieval', 'AGIEval', 0, examItem)
export const arcChallenge = letterTask('arc-challenge', 'ARC-C', 10)
export const arcEasy = letterTask('arc-easy', 'ARC-E', 10)
export const socialiqa = letterTask('socialiqa', 'SociQA', 5)
export const openbookqa = letterTask('openbookqa', 'OpenBookQA', 10)
export const commonsenseqa = letterTask('commonsenseqa', 'CommonSenseQA', 10)
export const gpqa = letterTask('gpqa', 'GPQA', 2)
