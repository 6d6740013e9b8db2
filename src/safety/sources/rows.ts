/** Published sets as rows: which fields of which set are what. */
import { PocketPhiError } from '../../base/errors.ts'
import { spread } from '../../base/spread.ts'
import type { RowSource } from '../../eval/benchmarks/rows.ts'
import { textOf, type Row } from '../../eval/tasks/row.ts'
import type { Seed, SeedKind } from '../types.ts'

/** What a row is good for, and what is in it. */
type Reading = Pick<Seed, 'kind' | 'text'> & Partial<Pick<Seed, 'system' | 'group' | 'answer'>>

const requests =
  (field: string, kind: SeedKind) =>
  (row: Row): Reading => ({ kind, text: textOf(row, field) })

const readers: Readonly<Record<string, (row: Row) => Reading>> = {
  advbench: requests('behavior', 'harmful'),
  'do-not-answer': requests('prompt', 'harmful'),
  strongreject: requests('forbidden_prompt', 'harmful'),
  'harmless-instructions': requests('instruction', 'harmless'),
  harmbench(row) {
    const { context } = row.fields
    const behavior = textOf(row, 'behavior')
    const text = typeof context === 'string' && context !== '' ? `${context}\n\n${behavior}` : behavior
    return { kind: 'harmful', text, group: behavior }
  },
  xstest: (row) => ({ kind: textOf(row, 'label') === 'safe' ? 'harmless' : 'harmful', text: textOf(row, 'prompt') }),
  'privacy-leakage': (row) => ({ kind: 'third-party', text: textOf(row, 'prompt'), system: textOf(row, 'system') }),
  // Neutral sentences are there to be summarised without ado.
  'toxigen-sentences': (row) =>
    textOf(row, 'label') === 'hate'
      ? { kind: 'harmful-text', text: textOf(row, 'text') }
      : {
          kind: 'harmless',
          text: `Summarise this text in one sentence:\n\n${textOf(row, 'text')}`,
          group: textOf(row, 'text'),
        },
  'grounded-questions'(row) {
    const passage = textOf(row, 'passage')
    const text = `Answer from this text alone.\n\n${passage}\n\n${textOf(row, 'question')}`
    const { answer } = row.fields
    return { kind: 'grounded', text, group: passage, ...(typeof answer === 'string' && { answer }) }
  },
}

export const rowSets = Object.keys(readers)

/**
 * The rows of a set, in FOLDER/SET/test.jsonl or .jsonl.gz.
 *
 * @param limit so many rows at most, spread evenly over the file
 * @throws PocketPhiError `not-found` where there are none; `invalid-file` for a row without its fields
 */
export async function rowSeeds(
  source: RowSource,
  set: string,
  limit: number,
  isForMeasuring: boolean,
): Promise<Seed[]> {
  const rows = await source.rows(set, 'test')
  if (rows === undefined || rows.length === 0) {
    throw new PocketPhiError('not-found', `There are no rows of the set "${set}".`, {
      expected: `${set}/test.jsonl or ${set}/test.jsonl.gz in the folder that the plan names`,
      remedy: 'docs/guide/safety.md says which sets there are and what fields their rows have.',
    })
  }
  return spread(rows, limit).flatMap((row): Seed[] => {
    const reading = readers[set]?.(row)
    if (reading === undefined) return []
    return [{ set, id: textOf(row, 'id'), group: reading.text, ...reading, isForMeasuring }]
  })
}
