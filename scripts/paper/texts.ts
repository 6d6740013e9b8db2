/**
 * Texts that models of the paper in miniature are measured on. No arm learned from them; generated ones are new draws from a closed
 * world, of whose sentences many were seen by arms that learn of it.
 */
import { join } from 'node:path'
import { z } from 'zod'
import { present } from '../../src/base/errors.ts'
import type { DataRecipe } from '../../src/data/pipeline/recipe.ts'
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
  recipes: readonly DataRecipe[],
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
    web: run(await heldOutWeb(recipes, work)),
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

/** Tokens in a row that two texts do not share by chance. */
const sharedTokens = 16

/** Sequences of tokens by their hashes; may say that one is in it that is not, once in some hundred times. */
class Sequences {
  readonly #bits = new Uint8Array(2 ** 27)

  add(ids: readonly number[]): void {
    for (const hash of hashes(ids)) this.#bits[hash >>> 3] = (this.#bits[hash >>> 3] ?? 0) | (1 << (hash & 7))
  }

  hasAny(ids: readonly number[]): boolean {
    for (const hash of hashes(ids)) if (((this.#bits[hash >>> 3] ?? 0) >>> (hash & 7)) & 1) return true
    return false
  }
}

/** 30 bits for each sequence in a text. */
function* hashes(ids: readonly number[]): Generator<number> {
  for (let start = 0; start + sharedTokens <= ids.length; start++) {
    let hash = 0
    for (let index = start; index < start + sharedTokens; index++) {
      hash = Math.imul(hash ^ (ids[index] ?? 0), 0x9e3779b1)
      hash ^= hash >>> 15
    }
    yield hash >>> 2
  }
}

/** Pieces of the raw corpus of which no arm has learned 16 tokens in a row, every third, since neighbours are of one source. */
async function heldOutWeb(recipes: readonly DataRecipe[], work: string): Promise<number[][]> {
  const learned = new Sequences()
  for (const { name } of recipes) {
    const { training, close } = await openShards(places.shards(work, name))
    for (let index = 0; index < training.count; index++) learned.add(training.ids(index))
    close()
  }
  const { heldOut, close } = await openShards(places.shards(work, 'raw'))
  try {
    const pieces = Array.from({ length: heldOut.count }, (_, index) => heldOut.ids(index))
    return pieces.filter((ids) => !learned.hasAny(ids)).filter((_, index) => index % 3 === 0)
  } finally {
    close()
  }
}
