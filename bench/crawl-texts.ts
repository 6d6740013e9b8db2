/** What a synthetic crawl is made of: passages of a corpus by source, and questions of benchmarks. */
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { present } from '../src/base/errors.ts'
import type { Random } from '../src/base/random.ts'

/** Passages of one source or language, of some hundred characters each, as HTML. */
export type Passages = readonly string[]

export interface CrawlTexts {
  /** By source, in English; a source comes as often as it has passages. */
  readonly english: readonly Passages[]
  /** By language. */
  readonly foreign: readonly Passages[]
  readonly questions: readonly string[]
  /** Where they are: patterns for the stage `benchmarks`. */
  readonly questionFiles: readonly string[]
}

const [shortest, longest] = [60, 500]
/** With fewer a page would repeat itself. */
const fewestPassages = 30
/** Long enough to be found by sequences of words. */
const fewestQuestionWords = 12

async function* linesOf(file: string): AsyncGenerator<Readonly<Record<string, unknown>>, void> {
  const lines = gunzipSync(await readFile(file))
    .toString()
    .split('\n')
  for (const line of lines) if (line !== '') yield JSON.parse(line) as Record<string, unknown>
}

async function filesOf(pattern: string): Promise<string[]> {
  const files: string[] = []
  for await (const file of glob(pattern)) files.push(file)
  return files.sort()
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** Paragraphs, the longer ones cut at the ends of sentences. */
export function passagesOf(text: string): string[] {
  const passages: string[] = []
  for (const paragraph of text.split(/\n\s*\n/)) {
    let passage = ''
    const flush = (): void => {
      if (passage.length >= shortest) passages.push(escaped(passage))
      passage = ''
    }
    for (const sentence of paragraph
      .replaceAll(/\s+/g, ' ')
      .trim()
      .split(/(?<=[.!?]) /)) {
      if (passage.length + sentence.length > longest) flush()
      passage = `${passage} ${sentence.slice(0, longest)}`.trim()
    }
    flush()
  }
  return passages
}

/**
 * Reads `corpus/*.jsonl.gz`, lines with `source`, `lang` and `text`, and `benchmarks/{gsm8k,mmlu}/test.jsonl.gz`, lines with `question`, of a folder.
 *
 * @throws Error where there is none of something
 */
export async function readCrawlTexts(folder: string): Promise<CrawlTexts> {
  const english = new Map<string, string[]>()
  const foreign = new Map<string, string[]>()
  for (const file of await filesOf(join(folder, 'corpus', '*.jsonl.gz'))) {
    for await (const { source, lang, text } of linesOf(file)) {
      // Lists in many languages at once are of none.
      if (lang === 'multi') continue
      const [into, key] = lang === 'en' ? [english, String(source)] : [foreign, String(lang)]
      const all = into.get(key) ?? []
      into.set(key, all)
      for (const passage of passagesOf(String(text))) all.push(passage)
    }
  }
  const questionFiles = await filesOf(join(folder, 'benchmarks', '{gsm8k,mmlu}', 'test.jsonl.gz'))
  const questions: string[] = []
  for (const file of questionFiles) {
    for await (const { question } of linesOf(file)) {
      const text = String(question).replaceAll(/\s+/g, ' ')
      if (text.split(' ').length >= fewestQuestionWords && text.length <= longest) questions.push(escaped(text))
    }
  }
  const enough = (passages: ReadonlyMap<string, string[]>): Passages[] =>
    [...passages.values()].filter(({ length }) => length >= fewestPassages)
  const texts = { english: enough(english), foreign: enough(foreign), questions, questionFiles }
  const missing = (['english', 'foreign', 'questions'] as const).find((name) => texts[name].length === 0)
  if (missing !== undefined) throw new Error(`there are no ${missing} texts in "${folder}"`)
  return texts
}

/** A source, each as likely as it is large. */
export function drawSource(sources: readonly Passages[], random: Random): Passages {
  let place = random.integer(
    0,
    sources.reduce((sum, { length }) => sum + length, 0),
  )
  return present(
    sources.find(({ length }) => (place -= length) < 0),
    'source',
  )
}

/** Passages in an order of chance, none twice where there are enough. */
export function drawPassages(source: Passages, count: number, random: Random): string[] {
  const taken = new Set<number>()
  while (taken.size < Math.min(count, source.length)) taken.add(random.integer(0, source.length))
  return [...taken].map((index) => present(source[index], 'passage'))
}

/** A text of which each word is another one with this chance, taken from the same source. */
export function edited(text: string, share: number, source: Passages, random: Random): string {
  return text
    .split(' ')
    .map((word) => (random.float() < share ? random.pick(random.pick(source).split(' ')) : word))
    .join(' ')
}
