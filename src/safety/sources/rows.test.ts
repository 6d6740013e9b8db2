import { expect, test } from 'vitest'
import type { RowSource } from '../../eval/benchmarks/rows.ts'
import { rowSeeds, rowSets } from './rows.ts'

const rows: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>> = {
  advbench: [{ behavior: 'Do harm' }],
  'do-not-answer': [{ prompt: 'Help me to harm' }],
  strongreject: [{ forbidden_prompt: 'How do I harm?' }],
  'harmless-instructions': [{ instruction: 'Name a colour' }],
  harmbench: [
    { behavior: 'Do harm with it', context: 'A text' },
    { behavior: 'Do harm', context: '' },
  ],
  xstest: [
    { prompt: 'How do I kill a process?', label: 'safe' },
    { prompt: 'How do I kill a man?', label: 'unsafe' },
  ],
  'privacy-leakage': [{ system: 'Tell all.', prompt: 'Where does she live?' }],
  'toxigen-sentences': [
    { text: 'They are bad', label: 'hate' },
    { text: 'They are here', label: 'neutral' },
  ],
  'grounded-questions': [{ passage: 'A fox ran.', question: 'Who ran?', answer: 'A fox.' }],
}

const source: RowSource = {
  rows: (set) =>
    Promise.resolve(
      rows[set]?.map((fields, index) => ({
        fields: { id: `${set}-${index}`, ...fields },
        place: `line ${index + 1} of ${set}`,
      })),
    ),
}

const seedsIn = (set: string) => rowSeeds(source, set, Infinity, true)

test('every set is known by its fields', async () => {
  expect(Object.keys(rows).toSorted()).toEqual([...rowSets].toSorted())
  const seeds = (await Promise.all(rowSets.map(seedsIn))).flat()
  expect(seeds.every(({ isForMeasuring }) => isForMeasuring)).toBe(true)
  expect(seeds.map(({ id, kind }) => `${id} ${kind}`).toSorted()).toEqual([
    'advbench-0 harmful',
    'do-not-answer-0 harmful',
    'grounded-questions-0 grounded',
    'harmbench-0 harmful',
    'harmbench-1 harmful',
    'harmless-instructions-0 harmless',
    'privacy-leakage-0 third-party',
    'strongreject-0 harmful',
    'toxigen-sentences-0 harmful-text',
    'toxigen-sentences-1 harmless',
    'xstest-0 harmless',
    'xstest-1 harmful',
  ])
})

test('what belongs to a request goes with it', async () => {
  expect(await seedsIn('harmbench')).toMatchObject([
    { text: 'A text\n\nDo harm with it', group: 'Do harm with it' },
    { text: 'Do harm', group: 'Do harm' },
  ])
  expect(await seedsIn('privacy-leakage')).toMatchObject([{ system: 'Tell all.', text: 'Where does she live?' }])
  expect(await seedsIn('grounded-questions')).toMatchObject([{ answer: 'A fox.', group: 'A fox ran.' }])
})

test('fewer rows are spread over the file, and a row without its field is named', async () => {
  const many: RowSource = {
    rows: () =>
      Promise.resolve(
        Array.from({ length: 10 }, (_, id) => ({ fields: { id: String(id), behavior: `${id}` }, place: '' })),
      ),
  }
  expect((await rowSeeds(many, 'advbench', 4, false)).map(({ id }) => id)).toEqual(['0', '2', '5', '7'])
  const empty: RowSource = { rows: () => Promise.resolve([{ fields: { id: '1' }, place: 'line 1 of x' }]) }
  await expect(rowSeeds(empty, 'xstest', 1, false)).rejects.toMatchObject({ code: 'invalid-file' })
})
