/**
 * How often the passage that answers a question is among the first that an index finds, by language; and for questions about documents that
 * are not in the index, how often nothing is found.
 *
 *     node bench/search.ts FOLDER
 *
 * FOLDER has `passages.LANG.jsonl.gz` (id, title, text) and `questions.LANG.jsonl.gz` (passage, question).
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { formatTable } from '../src/cli/terminal.ts'
import { splitText } from '../src/search/split.ts'
import { MemoryIndex } from '../src/search/memory/memory-index.ts'
import type { SearchProvider } from '../src/search/passage.ts'
import { IndexFile } from '../src/search/store/index-file.ts'

interface PassageRow {
  readonly id: string
  readonly title: string
  readonly text: string
}

interface QuestionRow {
  readonly passage: string
  readonly question: string
}

async function rowsOf<Row>(path: string): Promise<Row[]> {
  const lines = gunzipSync(await readFile(path))
    .toString()
    .trimEnd()
    .split('\n')
  return lines.map((line) => JSON.parse(line) as Row)
}

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('Usage: node bench/search.ts FOLDER')
const scratch = await mkdtemp(join(tmpdir(), 'phi-search-'))

/** What is measured: the index on a disk, and the one that a page has. */
const kinds = ['disk', 'page'] as const
type Kind = (typeof kinds)[number]

/** An index of the documents that are kept; addresses are the ids of passages. */
function indexOf(kind: Kind, path: string, passages: readonly PassageRow[]): SearchProvider {
  const disk = kind === 'disk' ? IndexFile.open(path, { create: true }) : undefined
  const page = new MemoryIndex('page')
  for (const { id, title, text } of passages) {
    const parts = splitText(text).map((part) => ({ title: title.replaceAll('_', ' '), address: id, text: part.text }))
    if (disk === undefined) page.replaceDocument(id, parts)
    else disk.replaceFile(id, id, parts)
  }
  return disk ?? page
}

/** Ranks of the right passages, from 1; 0 where something else is found, undefined where nothing is. */
async function ranksOf(index: SearchProvider, questions: readonly QuestionRow[]): Promise<(number | undefined)[]> {
  return await Promise.all(
    questions.map(async ({ question, passage }) => {
      const found = await index.find(question, { count: 5 })
      return found.length === 0 ? undefined : found.findIndex(({ address }) => address === passage) + 1
    }),
  )
}

const percent = (count: number, total: number): string => `${((100 * count) / total).toFixed(1)} %`

async function measure(language: string, kind: Kind): Promise<string[]> {
  const passages = await rowsOf<PassageRow>(join(folder as string, `passages.${language}.jsonl.gz`))
  const questions = await rowsOf<QuestionRow>(join(folder as string, `questions.${language}.jsonl.gz`))
  const whole = indexOf(kind, join(scratch, `${language}.index`), passages)
  const began = performance.now()
  const ranks = await ranksOf(whole, questions)
  const milliseconds = (performance.now() - began) / questions.length
  await whole.close()
  const titles = [...new Set(passages.map(({ title }) => title))]
  const kept = new Set(passages.filter(({ title }) => titles.indexOf(title) % 2 === 0).map(({ id }) => id))
  const half = indexOf(
    kind,
    join(scratch, `${language}.half.index`),
    passages.filter(({ id }) => kept.has(id)),
  )
  const absent = await ranksOf(
    half,
    questions.filter(({ passage }) => !kept.has(passage)),
  )
  await half.close()
  const within = (most: number): string =>
    percent(ranks.filter((rank) => rank !== undefined && rank > 0 && rank <= most).length, ranks.length)
  return [
    language,
    kind,
    String(passages.length),
    String(questions.length),
    within(1),
    within(5),
    percent(ranks.filter((rank) => rank === undefined).length, ranks.length),
    percent(absent.filter((rank) => rank === undefined).length, absent.length),
    milliseconds.toFixed(2),
  ]
}

try {
  const names = (await readdir(folder)).flatMap((name) => /^passages\.(\w+)\.jsonl\.gz$/.exec(name)?.[1] ?? [])
  const rows: string[][] = []
  for (const language of names.sort()) for (const kind of kinds) rows.push(await measure(language, kind))
  const heads = [
    'language',
    'index',
    'passages',
    'questions',
    'recall@1',
    'recall@5',
    'nothing found',
    'of absent ones',
    'ms',
  ]
  console.log(formatTable([heads, ...rows]))
} finally {
  await rm(scratch, { recursive: true })
}
