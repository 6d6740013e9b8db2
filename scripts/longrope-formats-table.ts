/** The tables of what `npm run longrope:formats` recorded: keys and losses by what the cache holds keys and values in. */
import { readdirSync, readFileSync } from 'node:fs'
import { present } from '../src/base/errors.ts'
import { cacheDTypes, type CacheDType } from '../src/program/ops/cache.ts'
import { formatsFolder, type FormatsResult } from './longrope-formats.ts'
import { lengths, mean, type Outcomes } from './longrope-measure.ts'
import { markdownTable } from './page-part.ts'

/** What was recorded, by seed. */
export function recordedFormats(): FormatsResult[] {
  return readdirSync(formatsFolder)
    .toSorted()
    .map((name) => JSON.parse(readFileSync(new URL(name, formatsFolder), 'utf8')) as FormatsResult)
}

/** The mean and its standard error. */
function withError(values: readonly number[], scale: number, digits: number): string {
  const middle = mean(values)
  const variance = values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1)
  const [shown, error] = [middle, Math.sqrt(variance / values.length)].map((value) => (scale * value).toFixed(digits))
  return `${shown} ± ${error}`
}

/** A row for each model and cache type; the cells are by length. */
function byFormat(
  results: readonly FormatsResult[],
  types: readonly CacheDType[],
  cellOf: (outcomes: Outcomes, exact: Outcomes) => string,
): string {
  const rows = results.flatMap(({ seed, formats }) =>
    types.map((type) => [
      `seed ${seed}, ${type}`,
      ...lengths.map((_, at) => cellOf(present(formats[type][at], type), present(formats.f32[at], 'f32'))),
    ]),
  )
  return markdownTable(['', ...lengths.map((length) => `${length} tokens`)], rows)
}

/** How many keys were found with f32 alone, and how many without it alone. */
function changes({ found }: Outcomes, exact: Outcomes): string {
  const lost = found.filter((isFound, index) => !isFound && exact.found[index] === true).length
  const won = found.filter((isFound, index) => isFound && exact.found[index] === false).length
  return `−${lost} +${won}`
}

const rounding = cacheDTypes.filter((type) => type !== 'f32')

/** All of them. */
export function formatTables(results: readonly FormatsResult[]): string {
  const [first] = present(results[0], 'results').formats.f32
  const { found, losses } = present(first, 'lengths')
  return [
    `${found.length} keys and ${losses.length} documents of each length; after ± the standard error.`,
    '### Passkeys found, in a hundred, by cache type',
    byFormat(results, cacheDTypes, (outcomes) => withError(outcomes.found.map(Number), 100, 1)),
    '### Keys that are found with f32 and not with this type (−), and the other way round (+)',
    byFormat(results, rounding, changes),
    '### Held-out loss, less that with f32 of the same document, in thousandths of a nat',
    byFormat(results, rounding, (outcomes, exact) =>
      withError(
        outcomes.losses.map((loss, index) => loss - present(exact.losses[index], 'loss')),
        1000,
        3,
      ),
    ),
  ].join('\n\n')
}
