/**
 * How often the passage that answers a question is among the first that an index finds, by language; and for questions about documents that
 * are not in the index, how often nothing is found.
 *
 *     node bench/search.ts FOLDER [--embed MODEL] [--language en]
 *
 * FOLDER has `passages.LANG.jsonl.gz` (id, title, text) and `questions.LANG.jsonl.gz` (passage, question).
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { openEmbedder } from '../src/cli/embedder.ts'
import { formatTable } from '../src/cli/terminal.ts'
import { splitText } from '../src/search/split.ts'
import { MemoryIndex } from '../src/search/memory/memory-index.ts'
import type { Embedder } from '../src/search/embedder.ts'
import type { Passage, SearchProvider } from '../src/search/passage.ts'
import { IndexFile } from '../src/search/store/index-file.ts'
import { updateVectors, VectorSearch } from '../src/search/store/vectors.ts'

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

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { embed: { type: 'string' }, language: { type: 'string' } },
})
const [folder] = positionals
if (folder === undefined) throw new Error('Usage: node bench/search.ts FOLDER [--embed MODEL] [--language en]')
const embedder = values.embed === undefined ? undefined : remembering(await openEmbedder(values.embed))
const scratch = await mkdtemp(join(tmpdir(), 'phi-search-'))

/** What is measured: the index on a disk, the one that a page has, and vectors alone and with the words. */
type Kind = 'disk' | 'page' | 'vectors' | 'words and vectors'
const kinds: readonly Kind[] = [
  'disk',
  'page',
  ...(embedder === undefined ? [] : (['vectors', 'words and vectors'] as const)),
]

/** The same texts are in several indexes; their vectors are made once. */
function remembering(slow: Embedder): Embedder {
  const known = new Map<string, Promise<readonly Float32Array[]>>()
  const vectorOf = async (text: string): Promise<Float32Array[]> => {
    const vector = known.get(text) ?? slow.embed([text])
    known.set(text, vector)
    return [...(await vector)]
  }
  return { ...slow, embed: async (texts) => (await Promise.all(texts.map(vectorOf))).flat() }
}

/** Passages by their documents; addresses are the ids that questions name. */
function documentsOf(passages: readonly PassageRow[]): Map<string, Passage[]> {
  const partsOf = ({ id, title, text }: PassageRow): Passage[] =>
    splitText(text).map((part) => ({ title: title.replaceAll('_', ' '), address: id, text: part.text }))
  return new Map(passages.map((row) => [row.id, partsOf(row)]))
}

/** An index of the documents that are kept. */
async function indexOf(kind: Kind, path: string, passages: readonly PassageRow[]): Promise<SearchProvider> {
  const documents = documentsOf(passages)
  if (kind === 'page') {
    const page = new MemoryIndex('page')
    for (const [id, parts] of documents) page.replaceDocument(id, parts)
    return page
  }
  const disk = IndexFile.open(path, { create: true })
  for (const [id, parts] of documents) disk.replaceFile(id, id, parts)
  if (kind === 'disk' || embedder === undefined) return disk
  await updateVectors(disk, embedder)
  return kind === 'vectors' ? byVectorsAlone(disk, embedder) : await VectorSearch.open(disk, embedder)
}

function byVectorsAlone(index: IndexFile, model: Embedder): SearchProvider {
  return {
    name: model.name,
    isLocal: model.isLocal,
    find: async (query, { count }) => index.nearest((await model.embed([query]))[0] ?? new Float32Array(), count),
    close: () => index.close(),
  }
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
  const whole = await indexOf(kind, join(scratch, `${language}.${kind}.index`), passages)
  const began = performance.now()
  const ranks = await ranksOf(whole, questions)
  const milliseconds = (performance.now() - began) / questions.length
  await whole.close()
  const titles = [...new Set(passages.map(({ title }) => title))]
  const kept = new Set(passages.filter(({ title }) => titles.indexOf(title) % 2 === 0).map(({ id }) => id))
  const half = await indexOf(
    kind,
    join(scratch, `${language}.${kind}.half.index`),
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
  const languages = values.language === undefined ? names.sort() : [values.language]
  for (const language of languages) for (const kind of kinds) rows.push(await measure(language, kind))
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
  await embedder?.close()
  await rm(scratch, { recursive: true })
}
