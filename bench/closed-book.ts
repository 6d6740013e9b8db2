/**
 * Whether a search mends what a model cannot know: questions about made-up facts, answered without sources and with those that the search of
 * `phi run --search` finds in an index of made-up texts. Words, forms of texts and wordings are those that training never has. Greedy answers.
 *
 *     node bench/closed-book.ts MODEL [--questions 200] [--seed 20261130] [--answers FILE]
 *
 * FILE gets the answers, as JSON Lines.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { present } from '../src/base/errors.ts'
import { Random } from '../src/base/random.ts'
import { modelPlace } from '../src/cli/model-folder.ts'
import { openModel } from '../src/cli/open-model.ts'
import { openSearcher } from '../src/cli/search-options.ts'
import { formatTable } from '../src/cli/terminal.ts'
import {
  askOf,
  drawFact,
  drawFacts,
  drawSubject,
  writeText,
  type ReadingText,
} from '../src/data/world/kinds/reading-passage.ts'
import type { PhiModel } from '../src/engine/phi-model.ts'
import { scoreAnswer } from '../src/eval/world/score.ts'
import { wilsonInterval } from '../src/eval/world/summary.ts'
import { citationsOf } from '../src/search/citations.ts'
import { IndexFile } from '../src/search/store/index-file.ts'
import { parseCount } from './options.ts'

/** Tokens of an answer. */
const maxTokens = 64

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    questions: { type: 'string', default: '200' },
    seed: { type: 'string', default: '20261130' },
    answers: { type: 'string' },
  },
})
const [name] = positionals
if (name === undefined) throw new Error('Usage: node bench/closed-book.ts MODEL [--questions 200] [--seed 20261130]')

interface Question {
  readonly question: string
  readonly value: string
  readonly address: string
}

interface Outcome extends Question {
  readonly closed: string
  readonly searched: string
  /** Whether the text with the answer is among the sources. */
  readonly isFound: boolean
  /** Numbers of sources that the answer names, and of those that are not there. */
  readonly cited: readonly number[]
  readonly unknown: readonly number[]
}

/** Texts of one to four facts about a subject each, and a question about one of them. */
function drawTexts(count: number, random: Random): { readonly text: ReadingText; readonly question: Question }[] {
  return Array.from({ length: count }, (_, index) => {
    const asked = drawFact(random, 'heldOut', drawSubject(random, 'heldOut'))
    const others = drawFacts(random, 'heldOut', asked.subject, random.integer(0, 4), [asked.property])
    const text = writeText(random, 'heldOut', [asked, ...others])
    return {
      text,
      question: { question: askOf(random, 'heldOut', asked), value: asked.value, address: `text-${index}` },
    }
  })
}

const isRight = ({ question, value }: Question, answer: string): boolean =>
  scoreAnswer({ id: question, kind: 'reading', question, check: { type: 'contains', all: [[value]] } }, answer).right

async function outcomesOf(model: PhiModel, path: string, questions: readonly Question[]): Promise<Outcome[]> {
  await using searcher = present(await openSearcher(model, { search: [path], sources: 5 }), 'searcher')
  const answer = async (content: string): Promise<string> =>
    (await model.chat().send(content, { maxTokens, temperature: 0 }).result()).text
  const outcomes: Outcome[] = []
  for (const question of questions) {
    const grounded = await searcher.ground(question.question, [])
    const sources = grounded?.sources ?? []
    const searched = grounded === undefined ? '' : await answer(grounded.content)
    outcomes.push({
      ...question,
      closed: await answer(question.question),
      searched,
      isFound: sources.some(({ address }) => address === question.address),
      ...citationsOf(searched, sources.length),
    })
  }
  return outcomes
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

function rowOf(what: string, flags: readonly boolean[]): string[] {
  const count = flags.filter(Boolean).length
  const [low, high] = wilsonInterval(count, flags.length)
  return [what, `${count} of ${flags.length}`, percent(count / flags.length), `${percent(low)} to ${percent(high)}`]
}

/** Of the differences, question by question. */
function differenceOf(pairs: readonly (readonly [boolean, boolean])[]): { mean: number; error: number } {
  const differences = pairs.map(([before, after]) => Number(after) - Number(before))
  const mean = differences.reduce((sum, one) => sum + one, 0) / differences.length
  const squares = differences.reduce((sum, one) => sum + (one - mean) ** 2, 0)
  return { mean, error: Math.sqrt(squares / (differences.length - 1) / differences.length) }
}

const texts = drawTexts(parseCount('--questions', values.questions), new Random(parseCount('--seed', values.seed)))
const scratch = await mkdtemp(join(tmpdir(), 'phi-closed-book-'))
try {
  const path = join(scratch, 'texts.index')
  const index = IndexFile.open(path, { create: true })
  for (const { text, question } of texts) {
    index.replaceFile(question.address, question.address, [
      { title: text.title, address: question.address, text: text.text },
    ])
  }
  await index.close()
  await using model = await openModel(await modelPlace(name), { backend: 'auto' })
  const outcomes = await outcomesOf(
    model,
    path,
    texts.map(({ question }) => question),
  )
  const pairs = outcomes.map((one) => [isRight(one, one.closed), isRight(one, one.searched)] as const)
  console.log(
    formatTable([
      ['', 'answers', 'share', '95 % interval'],
      rowOf(
        'right without sources',
        pairs.map(([closed]) => closed),
      ),
      rowOf(
        'right with a search',
        pairs.map(([, searched]) => searched),
      ),
      rowOf(
        'the text was found',
        outcomes.map(({ isFound }) => isFound),
      ),
      rowOf(
        'names a source',
        outcomes.map(({ cited }) => cited.length > 0),
      ),
      rowOf(
        'names one that is not there',
        outcomes.map(({ unknown }) => unknown.length > 0),
      ),
    ]),
  )
  const { mean, error } = differenceOf(pairs)
  console.log(`difference: ${percent(mean)}, standard error ${percent(error)}: ${(mean / error).toFixed(1)} of them`)
  if (values.answers !== undefined) {
    await writeFile(values.answers, outcomes.map((one) => `${JSON.stringify(one)}\n`).join(''))
  }
} finally {
  await rm(scratch, { recursive: true })
}
