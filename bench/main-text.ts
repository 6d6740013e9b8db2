/**
 * The main text of pages of which it is known, by ourselves and by Readability alone.
 *
 *     node bench/main-text.ts PAGES.jsonl.gz
 *     node bench/main-text.ts --labels FOLDER
 *     node bench/main-text.ts --rendered
 *
 * A line of PAGES has `html` and `expected_text`: word by word, and how fast. FOLDER has the pages, anywhere below it, that
 * bench/labels/main-text-pages.json labels block by block. Rendered pages are text of the closed world in the frames of forums, blogs and manuals.
 */
import { parseArgs } from 'node:util'
import { Readability } from '@mozilla/readability'
import { isSkipped } from '../src/data/documents/found.ts'
import { readFileDocuments } from '../src/data/pipeline/sources/read-file.ts'
import { blocksOf, textOf } from '../src/data/pipeline/stages/main-text/blocks.ts'
import { mainText } from '../src/data/pipeline/stages/main-text/index.ts'
import { knownPages, wordScore } from '../src/data/pipeline/stages/main-text/pages-harness.ts'
import { parsePage } from '../src/data/pipeline/stages/main-text/parse-page.ts'
import {
  blockAgreement,
  findLabelledPages,
  labelledPages,
  wordAgreement,
  type Agreement,
  type LabelledPage,
} from './main-text-labels.ts'

type Extract = (html: string) => string

const ours: Extract = (html) => mainText(html)?.text ?? ''

/** Readability as a browser has it, of a page that was parsed as browsers do. */
const readability: Extract = (html) => {
  const content = new Readability(parsePage(html), { serializer: (node) => node as Element }).parse()?.content
  return content == null ? '' : textOf(blocksOf(content))
}

async function compareWithText(file: string): Promise<void> {
  let [pages, characters, seconds, mine, plain, worse] = [0, 0, 0, 0, 0, 0]
  // The known text is read as if it were the title.
  for await (const page of readFileDocuments(file, { html: 'html', title: 'expected_text' })) {
    if (isSkipped(page)) continue
    const began = performance.now()
    const found = ours(page.text)
    seconds += (performance.now() - began) / 1000
    const [own, other] = [found, readability(page.text)].map((text) => wordScore(text, page.title ?? '')) as [
      number,
      number,
    ]
    pages++
    characters += page.text.length
    mine += own
    plain += other
    if (own < other - 0.01) worse++
  }
  console.log(
    `${pages} pages: ours ${(mine / pages).toFixed(4)}, Readability ${(plain / pages).toFixed(4)}, worse on ${worse}`,
  )
  console.log(`${(characters / 1e6 / seconds).toFixed(2)} million characters of HTML a second, on one thread`)
}

interface Result {
  readonly page: LabelledPage
  readonly blocks: Agreement
  readonly words: Agreement
}

const meanOf = (results: readonly Result[], of: (result: Result) => number): string =>
  (results.reduce((sum, result) => sum + of(result), 0) / results.length).toFixed(3)

const row = (results: readonly Result[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (['blocks', 'words'] as const).flatMap((unit) =>
      (['precision', 'recall', 'f1'] as const).map((measure) => [
        `${measure} of ${unit}`,
        meanOf(results, (result) => result[unit][measure]),
      ]),
    ),
  )

async function compareWithLabels(folder: string): Promise<void> {
  const pages = await findLabelledPages(folder)
  console.log(`${pages.length} of ${labelledPages} labelled pages found; means over pages`)
  if (pages.length === 0) return
  const resultsOf = (extract: Extract): Result[] =>
    pages.map((page) => {
      const found = extract(page.html)
      return { page, blocks: blockAgreement(page, found), words: wordAgreement(page, found) }
    })
  const [mine, plain] = [resultsOf(ours), resultsOf(readability)]
  console.table({ ours: row(mine), Readability: row(plain) })
  const kinds = [...new Set(pages.map(({ kind }) => kind))].toSorted()
  const ofKind = (results: readonly Result[], kind: string): string =>
    meanOf(
      results.filter(({ page }) => page.kind === kind),
      ({ words }) => words.f1,
    )
  console.log('F1 of words')
  console.table(
    Object.fromEntries(kinds.map((kind) => [kind, { ours: ofKind(mine, kind), Readability: ofKind(plain, kind) }])),
  )
  const pairs = mine.map((own, index) => ({ name: own.page.name, own, other: plain[index] ?? own }))
  const better = pairs.filter(({ own, other }) => own.words.f1 > other.words.f1 + 0.01).length
  const worse = pairs.filter(({ own, other }) => own.words.f1 < other.words.f1 - 0.01).length
  console.log(`Better than Readability on ${better} pages, worse on ${worse}. The worst of ours:`)
  const worst = pairs.toSorted((a, b) => a.own.words.f1 - b.own.words.f1).slice(0, 10)
  const figures = ({ blocks, words }: Result): string => `${words.f1.toFixed(3)} (blocks ${blocks.f1.toFixed(3)})`
  console.table(
    Object.fromEntries(
      worst.map(({ name, own, other }) => [name, { ours: figures(own), Readability: figures(other) }]),
    ),
  )
}

const renderings = 20

function compareWithRendered(): void {
  const seeds = Array.from({ length: renderings }, (_, index) => index + 1)
  const kinds = Object.entries(knownPages).map(([kind, make]) => {
    const pages = seeds.map((seed) => make(seed))
    const scoreOf = (extract: Extract): string =>
      (pages.reduce((sum, { html, text }) => sum + wordScore(extract(html), text), 0) / renderings).toFixed(3)
    return [kind, { ours: scoreOf(ours), Readability: scoreOf(readability) }]
  })
  console.log(`F1 of words, means of ${renderings} pages each`)
  console.table(Object.fromEntries(kinds))
}

const { values, positionals } = parseArgs({
  options: { labels: { type: 'string' }, rendered: { type: 'boolean' } },
  allowPositionals: true,
})
const [file] = positionals
if (values.labels !== undefined) await compareWithLabels(values.labels)
else if (values.rendered === true) compareWithRendered()
else if (file !== undefined) await compareWithText(file)
else throw new Error('Usage: node bench/main-text.ts PAGES.jsonl.gz, --labels FOLDER or --rendered')
