/** Questions of which the options themselves are compared, as lm-evaluation-harness does. */
import { accuracy, normalisedAccuracy, probabilityOfTruths } from './measures.ts'
import { booleanOf, indexOf, optionalText, textOf, textsOf, type Row } from './row.ts'
import type { ChoiceItem, ChoiceTask } from './types.ts'

/** An item whose options all follow the same context. */
function itemOf(row: Row, context: string, texts: readonly string[], truths: readonly number[]): ChoiceItem {
  const options = texts.map((text) => ({ context, text }))
  return { id: textOf(row, 'id'), group: '', options, truths, solved: `${context} ${texts[truths[0] ?? 0]}` }
}

/** Measured by likelihood per character; by likelihood alone for comparison. */
const normalised: ChoiceTask['score'] = (item, logLikelihoods) => ({
  acc_norm: normalisedAccuracy(item, logLikelihoods),
  acc: accuracy(item, logLikelihoods),
})

const plain: ChoiceTask['score'] = (item, logLikelihoods) => ({ acc: accuracy(item, logLikelihoods) })

function optionTask(
  name: string,
  title: string,
  shots: number,
  parts: Pick<ChoiceTask, 'read' | 'score'> & { readonly folder?: string },
): ChoiceTask {
  return { kind: 'choice', name, title, folder: name, shots, ...parts }
}

/** Fields: `id`, `activity_label`, `ctx`, `endings`, `label` (from 0 on); without the marks of WikiHow. */
export const hellaswag = optionTask('hellaswag', 'HellaSwag', 5, {
  read: (row) => {
    const endings = textsOf(row, 'endings', 2)
    const context = `${textOf(row, 'activity_label')}: ${textOf(row, 'ctx').trim()}`
    return itemOf(row, context, endings, [indexOf(row, 'label', endings.length)])
  },
  score: normalised,
})

/** Fields: `id`, `question`, `choices`, `answer`. */
export const piqa = optionTask('piqa', 'PIQA', 5, {
  read: (row) => {
    const choices = textsOf(row, 'choices', 2)
    const context = `Question: ${textOf(row, 'question')}\nAnswer:`
    return itemOf(row, context, choices, [indexOf(row, 'answer', choices.length)])
  },
  score: normalised,
})

/**
 * Fields: `id`, `question` with "_" where an option belongs, `choices`, `answer`. The end of the sentence is the same for all
 * options; how likely it is behind each of them decides (partial evaluation, arXiv 1806.02847).
 */
export const winogrande = optionTask('winogrande', 'WinoGrande', 5, {
  read: (row) => {
    const sentence = textOf(row, 'question')
    const choices = textsOf(row, 'choices', 2)
    const answer = indexOf(row, 'answer', choices.length)
    const gap = sentence.indexOf('_')
    const [before, text] = [sentence.slice(0, gap), sentence.slice(gap + 1).trim()]
    const options = choices.map((choice) => ({ context: `${before}${choice}`, text }))
    const solved = `${options[answer]?.context} ${text}`
    return { id: textOf(row, 'id'), group: '', options, truths: [answer], solved }
  },
  score: plain,
})

/** Fields: `id`, `question`, `answer` (true or false), and `passage` where the set has it. */
export const boolq = optionTask('boolq', 'BoolQ', 2, {
  read: (row) => {
    const passage = optionalText(row, 'passage')
    const question = textOf(row, 'question').replace(/\?*$/, '?')
    const context = `${passage === undefined ? '' : `${passage}\n`}Question: ${question}\nAnswer:`
    return itemOf(row, context, ['no', 'yes'], [booleanOf(row, 'answer') ? 1 : 0])
  },
  score: plain,
})

/** Fields: `id`, `premise`, `hypothesis`, `label` (0 entailment, 1 neutral, 2 contradiction). */
export const anli = optionTask('anli', 'ANLI', 7, {
  read: (row) => {
    const claim = `Question: ${textOf(row, 'hypothesis')} True, False, or Neither?`
    const context = `${textOf(row, 'premise')}\n${claim}\nAnswer:`
    return itemOf(row, context, ['True', 'Neither', 'False'], [indexOf(row, 'label', 3)])
  },
  score: plain,
})

/** Fields: `id`, `question`, `best_answer`, `correct_answers`, `incorrect_answers`; the right ones come first. */
function truthfulItem(row: Row, right: readonly string[]): ChoiceItem {
  const context = `Q: ${textOf(row, 'question').trim()}\nA:`
  const truths = right.map((_, place) => place)
  return itemOf(row, context, [...right, ...textsOf(row, 'incorrect_answers')], truths)
}

/** The best answer against all wrong ones. */
export const truthfulqaBest = optionTask('truthfulqa-mc1', 'TruthfulQA (MC1)', 10, {
  folder: 'truthfulqa',
  read: (row) => truthfulItem(row, [textOf(row, 'best_answer')]),
  score: plain,
})

/** How much of the probability falls on right answers. */
export const truthfulqaMass = optionTask('truthfulqa-mc2', 'TruthfulQA (MC2)', 10, {
  folder: 'truthfulqa',
  read: (row) => truthfulItem(row, [...new Set([textOf(row, 'best_answer'), ...textsOf(row, 'correct_answers')])]),
  score: (item, logLikelihoods) => ({ mc2: probabilityOfTruths(item, logLikelihoods) }),
})
