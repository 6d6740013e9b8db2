/**
 * Writes the tables of docs/longrope.md from the recorded runs of the experiment. `--check` compares instead and fails on a difference.
 *
 *     npm run longrope:table [-- --check]
 */
import { readdirSync, readFileSync } from 'node:fs'
import { present } from '../src/base/errors.ts'
import type { Finding, SearchResult } from '../src/longrope/search.ts'
import type { ExperimentResult } from './longrope-experiment.ts'
import { lengths, type Measurement } from './longrope-measure.ts'
import { formatTables, recordedFormats } from './longrope-formats-table.ts'
import { markdownTable, writePart } from './page-part.ts'

const folder = new URL('../recipes/recall/results/', import.meta.url)

/** The mean, and the standard deviation of the sample. */
function spread(values: readonly number[], digits: number): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return `${mean.toFixed(digits)} ± ${Math.sqrt(squares / Math.max(1, values.length - 1)).toFixed(digits)}`
}

function byLength(
  results: readonly ExperimentResult[],
  valuesOf: (measured: Measurement) => readonly number[],
  digits: number,
): string {
  const names = Object.keys(present(results[0], 'results').models)
  const rows = names.map((name) => [
    name,
    ...lengths.map((_, at) =>
      spread(
        results.map(({ models }) => present(valuesOf(present(models[name], name))[at], 'value')),
        digits,
      ),
    ),
  ])
  return markdownTable(['', ...lengths.map((length) => `${length} tokens`)], rows)
}

const perplexity = ({ heldOutLoss }: Finding): number => Math.exp(heldOutLoss)

/** The seed that the search found best on its own documents, which is what it has to beat. */
function bestSeed({ seeds }: SearchResult): Finding {
  return present(seeds.toSorted((left, right) => left.loss - right.loss)[0], 'seeds')
}

/** The searches of one part, model by model, on documents that they did not see. */
function searchRows(part: string, results: readonly ExperimentResult[], of: (one: ExperimentResult) => SearchResult) {
  return results.map((one) => {
    const search = of(one)
    const seed = bestSeed(search)
    const gain = 100 * (1 - perplexity(search.best) / perplexity(seed))
    return [
      part,
      String(one.seed),
      String(search.measured),
      seed.name,
      perplexity(seed).toFixed(3),
      perplexity(search.best).toFixed(3),
      `${gain.toFixed(2)} %`,
    ]
  })
}

function searches(results: readonly ExperimentResult[]): string {
  const parts = Object.keys(present(results[0], 'results').extension)
  const rows = [
    ...searchRows('without training', results, ({ search }) => search),
    ...searchRows('without training, scale 1', results, ({ unscaled }) => unscaled),
    ...parts.flatMap((part) => searchRows(part, results, ({ extension }) => present(extension[part], part))),
  ]
  const head = ['search', 'seed', 'candidates', 'its best seed', 'held out', 'found, held out', 'lower by']
  return markdownTable(head, rows)
}

function factors(results: readonly ExperimentResult[]): string {
  const list = (values: readonly number[]): string => values.map((value) => value.toFixed(2)).join(' ')
  const rows = results.flatMap(({ seed, search, unscaled, extension }) => [
    [`without training, seed ${seed}`, list(search.best.factors)],
    [`without training, scale 1, seed ${seed}`, list(unscaled.best.factors)],
    ...Object.entries(extension).map(([part, { best }]) => [`${part}, seed ${seed}`, list(best.factors)]),
  ])
  return rows.map(([name, values]) => `${name}\n    ${values}`).join('\n')
}

function tables(results: readonly ExperimentResult[]): string {
  const minutes = results.map(({ minutes: of }) => of)
  return [
    `Mean and standard deviation over ${results.length} models; ${spread(minutes, 0)} minutes of one core each.`,
    '### Perplexity',
    byLength(results, (measured) => measured.perplexity, 3),
    '### Passkeys found, in a hundred',
    byLength(results, (measured) => measured.passkey.map((share) => 100 * share), 0),
    '### What the searches found, on documents that they did not see',
    searches(results),
    '### The factors',
    `\`\`\`text\n${factors(results)}\n\`\`\``,
  ].join('\n\n')
}

const results = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .toSorted()
  .map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as ExperimentResult)
writePart('docs/longrope.md', 'tables', `\n${tables(results)}\n`, 'npm run longrope:table')
writePart('docs/longrope.md', 'formats', `\n${formatTables(recordedFormats())}\n`, 'npm run longrope:table')
