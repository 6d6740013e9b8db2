/**
 * How well what gives documents an educational value agrees with those that were judged by reading.
 *
 *     node bench/education.ts FOLDER
 *
 * FOLDER has the files that bench/labels/educational-value.json names. Printed is Spearman's rank correlation with the judgements of educational
 * value, over documents and over the means of sources, and with those of reasoning.
 */
import type { DataDocument } from '../src/data/pipeline/document.ts'
import { annotateByRules } from '../src/data/pipeline/stages/education.ts'
import { charactersRead, labelledDocuments, spearman, type LabelledDocument } from './education-labels.ts'

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('Usage: node bench/education.ts FOLDER')

type Score = (document: LabelledDocument) => number

const documentOf = ({ source }: LabelledDocument, text: string): DataDocument => ({
  id: source,
  source,
  format: 'text',
  text,
})

const value: Score = (document) => document.value
const reasoning: Score = (document) => document.reasoning

const scores: Readonly<Record<string, Score>> = {
  [`rules, of the ${charactersRead} characters read`]: (document) =>
    annotateByRules(documentOf(document, document.excerpt)).value,
  'rules, of the whole document': (document) => annotateByRules(documentOf(document, document.text)).value,
  'length of the document': ({ text }) => text.length,
  'prior of its source': ({ prior }) => prior ?? Number.NaN,
  'judged value': value,
}

const documents = labelledDocuments(folder)
const sources = [...Map.groupBy(documents, ({ source }) => source).values()]

const meanOf = (group: readonly LabelledDocument[], score: Score): number =>
  group.reduce((sum, document) => sum + score(document), 0) / group.length

const ofDocuments = (left: Score, right: Score): string =>
  spearman(documents.map(left), documents.map(right)).toFixed(3)

const ofSources = (left: Score, right: Score): string =>
  spearman(
    sources.map((group) => meanOf(group, left)),
    sources.map((group) => meanOf(group, right)),
  ).toFixed(3)

console.log(`${documents.length} documents of ${sources.length} sources; Spearman with the judged`)
console.table(
  Object.fromEntries(
    Object.entries(scores).map(([name, score]) => [
      name,
      {
        value: ofDocuments(score, value),
        'value, means of sources': ofSources(score, value),
        reasoning: ofDocuments(score, reasoning),
      },
    ]),
  ),
)
