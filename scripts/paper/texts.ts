/** Texts that models of the paper in miniature are measured on; none of them was learned from. */
import { join } from 'node:path'
import { z } from 'zod'
import { present } from '../../src/base/errors.ts'
import { document } from '../../src/data/world/index.ts'
import { openShards } from '../../src/data/shards/index.ts'
import type { Tokenizer } from '../../src/text/tokenizer.ts'
import type { Example } from '../../src/train/step/batches.ts'
import { places, type Plan } from './plan.ts'
import { rowsOf, textsOf } from './prepare.ts'

/** What of the text of some examples is predicted. */
export interface MeasuredText {
  readonly examples: readonly Example[]
  /** Bytes of the text that is predicted, so that a loss can be told in bits per byte. */
  readonly bytes: number
}

export const textNames = [
  'textbook',
  'encyclopedia',
  'web',
  'solutions',
  'right answers',
  'wrong answers',
  'world reasoning',
  'world facts',
] as const
export type TextName = (typeof textNames)[number]

/** Of generated documents; no training has it. */
const worldSeed = 9_000_001

const byteLength = (text: string): number => new TextEncoder().encode(text).length

/** How much is measured. */
interface Limits {
  readonly tokens: number
  readonly questions: number
  /** The longest example. */
  readonly context: number
}

function running(
  tokenizer: Tokenizer,
  documents: Iterable<readonly number[]>,
  { tokens: mostTokens, context }: Limits,
): MeasuredText {
  const examples: Example[] = []
  let [tokens, bytes] = [0, 0]
  for (const ids of documents) {
    // A piece, so that long documents are not all that is measured.
    const piece = ids.slice(0, context)
    if (piece.length < 2) continue
    examples.push({ ids: piece })
    tokens += piece.length
    bytes += byteLength(tokenizer.decode(piece.slice(1)))
    if (tokens >= mostTokens) break
  }
  return { examples, bytes }
}

/** Answers after their questions. */
function answered(
  tokenizer: Tokenizer,
  pairs: readonly (readonly [question: string, answer: string])[],
  { context }: Limits,
): MeasuredText {
  let bytes = 0
  const examples = pairs.flatMap(([question, answer]) => {
    const prompt = tokenizer.encode(`Question: ${question}\nAnswer:`)
    const ids = tokenizer.encode(` ${answer}`)
    if (prompt.length + ids.length > context) return []
    bytes += byteLength(answer) + 1
    return [{ ids: [...prompt, ...ids], learned: [...prompt.map(() => false), ...ids.map(() => true)] }]
  })
  return { examples, bytes }
}

function* worldDocuments(tokenizer: Tokenizer, kinds: readonly string[]): Generator<number[]> {
  for (let index = 0; ; index++) {
    const kind = present(kinds[index % kinds.length], 'kind')
    yield tokenizer.encode(document(worldSeed, index, { kind }).text)
  }
}

const solvedRow = z.object({ question: z.string(), answer: z.string() })
const choiceRow = z.object({ question: z.string(), choices: z.array(z.string()), answer: z.int() })

/** Reads all of them. @param data the folder with `corpus` and `benchmarks` */
export async function measuredTexts(
  { training, measures }: Plan,
  tokenizer: Tokenizer,
  data: string,
  work: string,
): Promise<Readonly<Record<TextName, MeasuredText>>> {
  const { context } = training.batch
  const limits = { ...measures, context }
  const run = (documents: Iterable<readonly number[]>): MeasuredText => running(tokenizer, documents, limits)
  const corpus = (name: string): MeasuredText =>
    run(textsOf(join(data, 'corpus', `${name}.jsonl.gz`)).map((text) => tokenizer.encode(text.slice(0, 8 * context))))
  const questions = <Row>(name: string, schema: z.ZodType<Row>): Row[] =>
    rowsOf(join(data, 'benchmarks', name, 'test.jsonl.gz'), schema).slice(0, limits.questions)
  const after = (pairs: readonly (readonly [string, string])[]): MeasuredText => answered(tokenizer, pairs, limits)
  const world = (...kinds: readonly string[]): MeasuredText => run(worldDocuments(tokenizer, kinds))
  const solved = questions('gsm8k', solvedRow)
  const science = questions('arc-easy', choiceRow)
  return {
    textbook: corpus('openstax-economics'),
    encyclopedia: corpus('wikitext-2-articles'),
    web: run(await heldOutWeb(work)),
    // Without the annotations of a calculator.
    solutions: after(solved.map(({ question, answer }) => [question, answer.replaceAll(/<<.*?>>/g, '')])),
    'right answers': after(
      science.map(({ question, choices, answer }) => [question, present(choices[answer], 'answer')]),
    ),
    'wrong answers': after(
      science.flatMap(({ question, choices, answer }) =>
        choices.filter((_, index) => index !== answer).map((choice) => [question, choice] as const),
      ),
    ),
    'world reasoning': world('arithmetic', 'causes', 'stories'),
    'world facts': world('things', 'people', 'places', 'words'),
  }
}

/** Every seventh of the documents that no arm learned from, since neighbours are of one source. */
async function heldOutWeb(work: string): Promise<number[][]> {
  const { heldOut, close } = await openShards(places.shards(work, 'raw'))
  try {
    return Array.from({ length: Math.floor(heldOut.count / 7) }, (_, index) => heldOut.ids(7 * index))
  } finally {
    close()
  }
}
