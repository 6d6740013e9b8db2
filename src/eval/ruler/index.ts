/**
 * Texts of a given length in tokens in which something is to be found, after RULER (arXiv 2404.06654): its thirteen kinds, its counts and its
 * scores, in words and texts of our own. Text i of a seed depends on nothing but (seed, kind, i, length) and the tokenizer.
 */
import { PocketPhiError, present } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import type { RowSource } from '../benchmarks/rows.ts'
import { numberOf, textOf, textsOf, type Row } from '../tasks/row.ts'
import type { GenerationTask } from '../tasks/types.ts'
import { fitted } from './fit.ts'
import { commonWordsKind, frequentWordsKind } from './frequencies.ts'
import { noise, prose } from './haystacks.ts'
import type { RulerKind, Sample } from './kinds.ts'
import { needleKind } from './needles.ts'
import { questionKind } from './questions.ts'
import { trackingKind } from './tracking.ts'

/** Kinds with questions that have to be brought, and the folders of their rows. */
export const questionFolders = new Map([
  ['qa-1', 'ruler-squad'],
  ['qa-2', 'ruler-hotpotqa'],
])

/** Of each kind, unless a limit says otherwise. */
const samplesOfKind = 25

/**
 * The benchmark at one length.
 *
 * Fields of its rows, which `rulerRows` makes: `id`, `kind`, `prompt`, `answers`, `maxTokens`.
 *
 * @param length of prompt and answer, in tokens
 */
export function rulerTask(length: number): GenerationTask {
  const name = `ruler-${length}`
  return {
    kind: 'generation',
    name,
    title: `RULER ${length}`,
    folder: name,
    shots: 0,
    byGroup: true,
    maxTokens: 128,
    stop: [],
    read: (row) => ({
      id: textOf(row, 'id'),
      group: textOf(row, 'kind'),
      solved: '',
      question: textOf(row, 'prompt'),
      answers: textsOf(row, 'answers'),
      maxTokens: numberOf(row, 'maxTokens'),
    }),
    score: ({ group, answers }, answer) => {
      const found = answers.filter((wanted) => answer.toLowerCase().includes(wanted.toLowerCase())).length
      return { match: questionFolders.has(group) ? Math.min(1, found) : found / answers.length }
    },
  }
}

function kindsOf(seed: number, questions: ReadonlyMap<string, readonly Row[]>): readonly RulerKind[] {
  const [essay, nonsense] = [prose(seed), noise(seed)]
  const one = { secret: 'number', things: 1, each: 1, asked: 1 } as const
  return [
    needleKind({ ...one, name: 'single-1', haystack: nonsense }),
    needleKind({ ...one, name: 'single-2', haystack: essay }),
    needleKind({ ...one, name: 'single-3', haystack: essay, secret: 'code' }),
    needleKind({ ...one, name: 'multi-key-1', haystack: essay, things: 4 }),
    needleKind({ ...one, name: 'multi-key-2', haystack: 'others' }),
    needleKind({ ...one, name: 'multi-key-3', haystack: 'others', secret: 'code', codedThings: true }),
    needleKind({ ...one, name: 'multi-value', haystack: essay, each: 4 }),
    needleKind({ ...one, name: 'multi-query', haystack: essay, things: 4, asked: 4 }),
    trackingKind('tracking', nonsense),
    commonWordsKind('common-words'),
    frequentWordsKind('frequent-words'),
    ...[...questions].map(([name, rows]) => questionKind(name, rows)),
  ]
}

export interface RulerOptions {
  /** Of prompt and answer, in tokens. */
  readonly length: number
  readonly seed: number
  /** Texts in all; 25 of each kind when left out. */
  readonly limit?: number | undefined
  readonly countTokens: (text: string) => number
  /** Rows of the kinds with questions, by kind; kinds without are left out. */
  readonly questions: ReadonlyMap<string, readonly Row[]>
}

/** The rows of `rulerTask`, and what is not among them. */
export interface RulerRows {
  readonly source: RowSource
  /** Kinds of which not even the shortest text has room. */
  readonly tooLong: readonly string[]
}

/**
 * The rows of `rulerTask`: one of each kind, then the next of each.
 *
 * @throws PocketPhiError `invalid-argument` for a length that is too short for all kinds; `invalid-file` for rows of questions that cannot be used
 */
export function rulerRows(options: RulerOptions): RulerRows {
  const { length, seed, questions } = options
  const all = kindsOf(seed, questions)
  const kinds = all.filter((kind) => hasRoom(kind, options))
  if (kinds.length === 0) {
    throw new PocketPhiError('invalid-argument', `No text of RULER is as short as ${length} tokens.`, {
      expected: 'some thousand tokens',
      remedy: 'Choose greater lengths: --lengths 4096,8192.',
    })
  }
  return {
    source: { rows: (folder, split) => Promise.resolve(split === 'dev' ? undefined : rowsOf(kinds, folder, options)) },
    tooLong: all.filter((kind) => !kinds.includes(kind)).map(({ name }) => name),
  }
}

function hasRoom(kind: RulerKind, options: RulerOptions): boolean {
  const { prompt } = sampleOf(kind, 0, options)(kind.fewest)
  return options.countTokens(prompt) <= options.length - kind.maxTokens
}

/** What makes a text of a kind of any size: always the same one of a size. */
function sampleOf(kind: RulerKind, index: number, { seed, length }: RulerOptions): (units: number) => Sample {
  return (units) => kind.build(units, new Random(seed).fork(`${kind.name}/${index}/${length}`), { index, length })
}

function rowsOf(kinds: readonly RulerKind[], folder: string, options: RulerOptions): readonly Row[] {
  const { length, limit = samplesOfKind * kinds.length, countTokens } = options
  // Texts of a kind are of about the same size.
  const sizes = new Map<RulerKind, number>()
  return Array.from({ length: limit }, (_, at): Row => {
    const kind = present(kinds[at % kinds.length], 'kind')
    const { name, maxTokens, fewest } = kind
    const index = Math.floor(at / kinds.length)
    const start = sizes.get(kind) ?? fewest + 32
    const sample = fitted(kind, sampleOf(kind, index, options), { room: length - maxTokens, start, countTokens })
    sizes.set(kind, sample.units)
    const { prompt, answers } = sample
    const id = `${name}-${index}`
    return { fields: { id, kind: name, prompt, answers, maxTokens }, place: `text ${id} of ${folder}` }
  })
}
