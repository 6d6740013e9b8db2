/**
 * How well what gives documents an educational value agrees with those that were judged by reading.
 *
 *     node bench/education.ts FOLDER
 *
 * FOLDER has the files that bench/labels/educational-value.json names. Printed is Spearman's rank correlation with the judgements of educational
 * value, over documents and over the means of sources, and with those of reasoning.
 */
import { rankCorrelation } from '../src/data/pipeline/education/classifier/quality.ts'
import { annotateByRules } from '../src/data/pipeline/education/rules.ts'
import { charactersRead, labelledDocuments, type LabelledDocument } from './education-labels.ts'

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('Usage: node bench/education.ts FOLDER')

type Score = (document: LabelledDocument) => number

const value: Score = (document) => document.value
const reasoning: Score = (document) => document.reasoning

const scores: Readonly<Record<string, Score>> = {
  [`rules, of the ${charactersRead} characters read`]: ({ excerpt }) =>
    annotateByRules({ text: excerpt }).education.score,
  'rules, of the whole document': ({ text }) => annotateByRules({ text }).education.score,
  'reasoning by rules, of the characters read': ({ excerpt }) => annotateByRules({ text: excerpt }).reasoning.score,
  'length of the document': ({ text }) => text.length,
  'prior of its source': ({ prior }) => prior ?? Number.NaN,
  'judged value': value,
}

const documents = labelledDocuments(folder)
const sources = [...Map.groupBy(documents, ({ source }) => source).values()]

const meanOf = (group: readonly LabelledDocument[], score: Score): number =>
  group.reduce((sum, document) => sum + score(document), 0) / group.length

const ofDocuments = (left: Score, right: Score): string =>
  rankCorrelation(documents.map(left), documents.map(right)).toFixed(3)

const ofSources = (left: Score, right: Score): string =>
  rankCorrelation(
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
