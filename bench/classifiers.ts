/**
 * Rules and both kinds of classifiers beside each other: how their scores of documents agree with a rough order of the sources that these come from, each source
 * being held out whole from what its classifier learned from, and how fast they are.
 *
 *     node bench/education.ts FOLDER [DOCUMENTS OF A SOURCE, 60 by default]
 *
 * FOLDER has files of JSON Lines, one for each source, with `text` and `quality_prior`. Classifiers learn from what rules say of the other sources,
 * and from the places of the other sources in that order.
 */
import { glob } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Random } from '../src/base/random.ts'
import { readJsonLines } from '../src/data/conversations/json-lines.ts'
import { excerptOf } from '../src/data/pipeline/education/annotation.ts'
import { trainClassifier } from '../src/data/pipeline/education/classifier/classifier.ts'
import { classifierKinds } from '../src/data/pipeline/education/classifier/models.ts'
import { rankCorrelation } from '../src/data/pipeline/education/classifier/quality.ts'
import type { Lesson } from '../src/data/pipeline/education/classifier/train.ts'
import { annotateByRules } from '../src/data/pipeline/education/rules.ts'

/** Parts of the sources, each held out once. */
const parts = 6

interface Document {
  readonly source: string
  readonly text: string
  readonly prior: number
  readonly byRules: Lesson
}

const [folder, each = '60'] = process.argv.slice(2)
if (folder === undefined) throw new Error('Usage: node bench/education.ts FOLDER [DOCUMENTS OF A SOURCE]')

async function read(file: string): Promise<Document[]> {
  const lines = new Random(1).shuffle(await readJsonLines(file)).slice(0, Number(each))
  return lines.map(({ fields }) => {
    const text = String(fields['text'])
    const { education, reasoning } = annotateByRules({ text: excerptOf(text) })
    const byRules = { text, education: education.score, reasoning: reasoning.score }
    return { source: basename(file), text, prior: Number(fields['quality_prior']), byRules }
  })
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** By the means of sources, and document by document. */
function agreement(scores: readonly number[]): string {
  const means = sources.map((source) => mean(scores.filter((_, index) => documents[index]?.source === source)))
  const priors = sources.map((source) => documents.find((document) => document.source === source)?.prior ?? 0)
  const bySource = rankCorrelation(means, priors)
  const byDocument = rankCorrelation(
    scores,
    documents.map(({ prior }) => prior),
  )
  return `${bySource.toFixed(3)} by sources, ${byDocument.toFixed(3)} by documents`
}

/** Million bytes of UTF-8 for each second of the processor: of what is read of the documents, and of the documents. */
function speed(score: (text: string) => unknown): string {
  const bytesOf = (texts: readonly string[]): number => texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  const texts = documents.map(({ text }) => text)
  for (const text of texts) score(text)
  const began = process.cpuUsage()
  for (const text of texts) score(text)
  const seconds = process.cpuUsage(began).user / 1e6
  const [ofRead, ofWhole] = [bytesOf(texts.map(excerptOf)), bytesOf(texts)].map((bytes) => bytes / 1e6 / seconds)
  return `${ofRead?.toFixed(1)} MB/s of what is read, ${ofWhole?.toFixed(1)} MB/s of documents`
}

const documents: Document[] = []
for await (const name of glob('*.jsonl{,.gz}', { cwd: folder })) documents.push(...(await read(join(folder, name))))
const sources = [...new Set(documents.map(({ source }) => source))].sort()
const partOf = new Map(new Random(7).shuffle([...sources]).map((source, index) => [source, index % parts]))
console.log(`${documents.length} documents of ${sources.length} sources`)

console.log(`rules: ${agreement(documents.map(({ byRules }) => byRules.education))}`)
const labels: Readonly<Record<string, (document: Document) => Lesson>> = {
  'what rules say': ({ byRules }) => byRules,
  'places in the order': ({ text, prior, byRules }) => ({ ...byRules, text, education: prior }),
}
for (const [name, label] of Object.entries(labels)) {
  for (const kind of classifierKinds) {
    const education = new Array<number>(documents.length).fill(0)
    const reasoning = [...education]
    for (let part = 0; part < parts; part++) {
      const isHeldOut = ({ source }: Document): boolean => partOf.get(source) === part
      const lessons = documents.filter((document) => !isHeldOut(document)).map(label)
      const classifier = trainClassifier(lessons, { kind, annotator: name, seed: 1 })
      for (const [index, document] of documents.entries()) {
        if (!isHeldOut(document)) continue
        const scores = classifier.score(document.text)
        education[index] = scores.education
        reasoning[index] = scores.reasoning
      }
    }
    console.log(`${kind}, from ${name}: ${agreement(education)}`)
    const byRules = documents.map((document) => document.byRules.reasoning)
    console.log(
      `  reasoning, with what rules say of it: ${rankCorrelation(reasoning, byRules).toFixed(3)} by documents`,
    )
  }
}
console.log(`rules: ${speed((text) => annotateByRules({ text: excerptOf(text) }))}`)
for (const kind of classifierKinds) {
  const lessons = documents.filter((_, index) => index % 10 === 0).map(({ byRules }) => byRules)
  const classifier = trainClassifier(lessons, { kind, annotator: 'rules', seed: 1 })
  console.log(`${kind}: ${speed((text) => classifier.score(text))}`)
}
