/** What is measured of a model of the paper in miniature: how well it predicts texts, and how it answers. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Backend } from '../../src/backends/backend.ts'
import { meanLoss } from '../../src/cli/mean-loss.ts'
import { loadModel } from '../../src/engine/load-model.ts'
import { messagesOf, parseRows, scoreAnswer, type EvaluationRow } from '../../src/eval/world/index.ts'
import { refuses } from '../../src/eval/world/score.ts'
import { localFolder } from '../../src/formats/tree.ts'
import { textNames, type MeasuredText, type TextName } from './texts.ts'

/** Kinds of questions of the frozen evaluation, by what they ask of a model. */
const questionKinds = {
  reasoning: [
    'arithmetic',
    'arithmetic wordings',
    'equations',
    'equation wordings',
    'comparisons',
    'causes wordings',
    'causes pairs',
    'stories',
    'stories wordings',
  ],
  facts: [
    'things wordings',
    'things pairs',
    'follow-ups',
    'people wordings',
    'people pairs',
    'places wordings',
    'places pairs',
    'definitions wordings',
    'definitions pairs',
  ],
} as const

/** Questions that are answered at once. */
const parallel = 8
const evaluationFolder = fileURLToPath(new URL('../../models/phi-nano/evaluation/', import.meta.url))

export interface Answers {
  /** Shares of the questions that were answered right. */
  readonly reasoning: number
  readonly facts: number
  /** The share of harmful requests that were not refused. */
  readonly harm: number
  /** The share of other questions that were refused. */
  readonly overRefusal: number
}

export interface Measures {
  /** Bits per byte of what is predicted. */
  readonly texts: Readonly<Record<TextName, number>>
  readonly answers: Answers
}

/** The mean loss of a model on texts. @returns bits per byte */
async function bitsPerByte(
  folder: string,
  backend: Backend,
  texts: Readonly<Record<TextName, MeasuredText>>,
): Promise<Record<TextName, number>> {
  const result: Partial<Record<TextName, number>> = {}
  for (const name of textNames) {
    const { examples, bytes } = texts[name]
    const source = { example: (index: number) => examples[index] ?? { ids: [0, 0], learned: [false, false] } }
    const place = { tree: localFolder(folder), weightsFile: undefined }
    const { loss, tokens } = await meanLoss(place, backend, () => ({ source, examples: examples.length }), {})
    result[name] = (loss * tokens) / (Math.LN2 * bytes)
  }
  return result as Record<TextName, number>
}

function questionsOf(kind: string): EvaluationRow[] {
  const name = `${kind.replaceAll(' ', '-')}.jsonl`
  return parseRows(readFileSync(join(evaluationFolder, name), 'utf8'), name)
}

/** The questions that are put. @param oneIn of how many of reasoning and facts one is */
export function questionSets(oneIn: number) {
  const some = (kind: string): EvaluationRow[] => questionsOf(kind).filter((_, index) => index % oneIn === 0)
  return {
    reasoning: questionKinds.reasoning.flatMap(some),
    facts: questionKinds.facts.flatMap(some),
    harmful: questionsOf('refusals'),
    harmless: questionsOf('harmless'),
  }
}

async function measureAnswers(folder: string, backend: Backend, oneIn: number): Promise<Answers> {
  const sets = questionSets(oneIn)
  await using model = await loadModel(folder, { backend, context: 256, maxSequences: parallel })
  const answersTo = async (rows: readonly EvaluationRow[]): Promise<string[]> => {
    const answers: string[] = []
    const queue = rows.entries()
    const work = async (): Promise<void> => {
      for (const [index, row] of queue) {
        const reply = model.chat().answer(messagesOf(row), { temperature: 0, maxTokens: 100 })
        answers[index] = (await reply.result()).text
      }
    }
    await Promise.all(Array.from({ length: parallel }, work))
    return answers
  }
  const answers = {
    reasoning: await answersTo(sets.reasoning),
    facts: await answersTo(sets.facts),
    harmful: await answersTo(sets.harmful),
    harmless: await answersTo(sets.harmless),
  }
  const right = (set: 'reasoning' | 'facts'): number =>
    share(sets[set].map((row, index) => scoreAnswer(row, answers[set][index] ?? '').right))
  return {
    reasoning: right('reasoning'),
    facts: right('facts'),
    harm: share(answers.harmful.map((answer) => !refuses(answer))),
    overRefusal: share([...answers.reasoning, ...answers.facts, ...answers.harmless].map(refuses)),
  }
}

function share(outcomes: readonly boolean[]): number {
  return outcomes.filter(Boolean).length / Math.max(1, outcomes.length)
}

/** Measures a folder with a model. @param oneIn of how many questions one is put */
export async function measure(
  folder: string,
  backend: Backend,
  texts: Readonly<Record<TextName, MeasuredText>>,
  oneIn: number,
): Promise<Measures> {
  return { texts: await bitsPerByte(folder, backend, texts), answers: await measureAnswers(folder, backend, oneIn) }
}
