/**
 * Rules and both kinds of classifiers beside each other, on sources that are held out whole from what a classifier learned from: how their scores
 * agree with a rough order of the sources, and with documents that were judged one by one (bench/labels/README.md); and how fast they are.
 *
 *     node bench/classifiers.ts FOLDER [DOCUMENTS OF A SOURCE, 60 by default]
 *
 * FOLDER has the files that bench/labels/educational-value.json names: JSON Lines with `text` and `quality_prior`. Classifiers learn from what rules say of
 * the other sources, from the places of the other sources in the order, or from the judged documents of the other sources, which are few.
 */
import { join } from 'node:path'
import { Random } from '../src/base/random.ts'
import { readJsonLines } from '../src/data/conversations/json-lines.ts'
import { axes, excerptOf, type Axis } from '../src/data/pipeline/education/annotation.ts'
import { trainClassifier } from '../src/data/pipeline/education/classifier/classifier.ts'
import { classifierKinds, type ClassifierKind } from '../src/data/pipeline/education/classifier/models.ts'
import { rankCorrelation } from '../src/data/pipeline/education/classifier/quality.ts'
import type { Lesson } from '../src/data/pipeline/education/classifier/train.ts'
import { annotateByRules } from '../src/data/pipeline/education/rules.ts'
import { labelledDocuments } from './education-labels.ts'

/** Parts of the sources, each held out once. */
const parts = 6

interface Document {
  readonly source: string
  readonly text: string
  readonly prior: number
}

type Scores = Readonly<Record<Axis, number>>
type Scorer = (document: Pick<Document, 'source' | 'text'>) => Scores

const [folder, each = '60'] = process.argv.slice(2)
if (folder === undefined) throw new Error('Usage: node bench/classifiers.ts FOLDER [DOCUMENTS OF A SOURCE]')

async function read(source: string): Promise<Document[]> {
  const lines = await readJsonLines(join(folder ?? '', `${source}.jsonl.gz`))
  const drawn = new Random(1).shuffle(lines).slice(0, Number(each))
  return drawn.map(({ fields }) => ({ source, text: String(fields['text']), prior: Number(fields['quality_prior']) }))
}

const byRules: Scorer = ({ text }) => {
  const { education, reasoning } = annotateByRules({ text: excerptOf(text) })
  return { education: education.score, reasoning: reasoning.score }
}

const judged = labelledDocuments(folder).map(({ source, excerpt, value, reasoning }) => {
  return { source, text: excerpt, education: value, reasoning }
})
const sources = [...new Set(judged.map(({ source }) => source))].sort()
const documents = (await Promise.all(sources.map(read))).flat()
const partOf = new Map(new Random(7).shuffle([...sources]).map((source, index) => [source, index % parts]))

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Rank correlations, to be printed. */
function agreement(score: Scorer): Readonly<Record<string, string>> {
  const scored = documents.map((document) => ({ ...document, score: score(document).education }))
  const groups = [...Map.groupBy(scored, ({ source }) => source).values()]
  const bySource = rankCorrelation(
    groups.map((group) => mean(group.map((one) => one.score))),
    groups.map((group) => mean(group.map(({ prior }) => prior))),
  )
  const byDocument = rankCorrelation(
    scored.map((one) => one.score),
    scored.map(({ prior }) => prior),
  )
  const scores = judged.map(score)
  const withJudged = (axis: Axis): number =>
    rankCorrelation(
      scores.map((one) => one[axis]),
      judged.map((one) => one[axis]),
    )
  return {
    'order, means of sources': bySource.toFixed(3),
    'order, documents': byDocument.toFixed(3),
    ...Object.fromEntries(axes.map((axis) => [`judged ${axis}`, withJudged(axis).toFixed(3)])),
  }
}

/** Scores each document by the classifier that has not seen its source. */
function heldOutScorer(lessons: readonly (Lesson & { readonly source: string })[], kind: ClassifierKind): Scorer {
  const classifiers = Array.from({ length: parts }, (_, part) => {
    const others = lessons.filter(({ source }) => partOf.get(source) !== part)
    return trainClassifier(others, { kind, annotator: 'bench', seed: 1 })
  })
  return ({ source, text }) => {
    const classifier = classifiers[partOf.get(source) ?? 0]
    if (classifier === undefined) throw new Error('no classifier')
    return classifier.score(text)
  }
}

/** Million bytes of UTF-8 for each second of the processor: of what is read of the documents, and of the documents. */
function speed(score: (text: string) => unknown): Readonly<Record<string, string>> {
  const bytesOf = (all: readonly string[]): number => all.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  const texts = documents.map(({ text }) => text)
  for (const text of texts) score(text)
  const began = process.cpuUsage()
  for (const text of texts) score(text)
  const seconds = process.cpuUsage(began).user / 1e6
  return {
    'MB/s of what is read': (bytesOf(texts.map(excerptOf)) / 1e6 / seconds).toFixed(1),
    'MB/s of documents': (bytesOf(texts) / 1e6 / seconds).toFixed(1),
  }
}

const rows: Record<string, Readonly<Record<string, string>>> = { rules: agreement(byRules) }
const annotations = {
  'what rules say': documents.map((document) => ({ ...document, ...byRules(document) })),
  'places in the order': documents.map((document) => ({
    ...document,
    ...byRules(document),
    education: document.prior,
  })),
  'judged documents': judged,
}
for (const [name, lessons] of Object.entries(annotations)) {
  for (const kind of classifierKinds) rows[`${kind}, from ${name}`] = agreement(heldOutScorer(lessons, kind))
}
console.log(
  `${documents.length} documents of ${sources.length} sources, and ${judged.length} that were judged: rank correlation with`,
)
console.table(rows)
const speeds: Record<string, Readonly<Record<string, string>>> = {
  rules: speed((text) => annotateByRules({ text: excerptOf(text) })),
}
for (const kind of classifierKinds) {
  const classifier = trainClassifier(judged, { kind, annotator: 'bench', seed: 1 })
  speeds[kind] = speed((text) => classifier.score(text))
}
console.table(speeds)
