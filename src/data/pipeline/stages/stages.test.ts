import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Random } from '../../../base/random.ts'
import { document as worldDocument } from '../../world/index.ts'
import type { DataDocument } from '../document.ts'
import { parseDataRecipe, type DataRecipe } from '../recipe.ts'
import { benchmarksStage } from './benchmarks.ts'
import { findDuplicates } from './cluster.ts'
import { annotateByRules } from '../education/rules.ts'
import { educationStage } from './education.ts'
import { languageStage } from './language.ts'
import { signature } from './min-hash.ts'
import { scrub } from './personal.ts'
import { qualityStage } from './quality.ts'
import type { Outcome } from './step.ts'
import { textStage } from './text.ts'
import { wordHash } from './words.ts'

const recipe = (stages: string): DataRecipe['stages'] =>
  parseDataRecipe(`{name: a, description: b, seed: 1, sources: [{name: s, files: ['*.txt']}], stages: {${stages}}}`)
    .stages

const documentOf = (text: string, more: Partial<DataDocument> = {}): DataDocument => ({
  ...{ id: 's/a#0', source: 's', format: 'text', text },
  ...more,
})

const reasonOf = (outcome: Outcome): string => ('dropped' in outcome ? outcome.dropped : 'kept')

/** Sentences that say something, each only once. */
const prose = Array.from({ length: 40 }, (_, index) =>
  worldDocument(3, index).text.replaceAll(/\s+/g, ' ').slice(0, 300),
)
  .map((text) => `${text.replace(/\W+$/, '')}.`)
  .join('\n')

describe('main text', () => {
  test('passes plain text and takes the title of a page', async () => {
    const step = await textStage.prepare({})
    expect(step(documentOf('as it is'))).toEqual({ kept: documentOf('as it is') })
    const outcome = step(documentOf(`<title>T</title><p>${prose}</p>`, { format: 'html' }))
    expect(outcome).toMatchObject({ kept: { title: 'T', format: 'text' }, notes: { counts: {} } })
    expect(reasonOf(step(documentOf('<br>', { format: 'html' })))).toBe('no main text')
  })
})

describe('language', () => {
  test.each([
    ['The old man looked out of the window and saw that it had begun to rain again.', 'kept'],
    ['Der alte Mann sah aus dem Fenster und bemerkte, dass es wieder zu regnen begonnen hatte.', 'another language'],
    ['El viejo miró por la ventana y vio que había empezado a llover otra vez.', 'another language'],
    ['老人望向窗外，发现又开始下雨了。', 'another language'],
    ['1234 5678 -- 90', 'no language'],
  ])('of %s', async (text, reason) => {
    const step = await languageStage.prepare({ keep: ['en'] })
    expect(reasonOf(step(documentOf(text)))).toBe(reason)
  })
})

describe('quality', () => {
  const { quality } = recipe('quality: {}')
  const reason = async (text: string, language = 'en'): Promise<string> => {
    if (quality === undefined) throw new Error('no settings')
    return reasonOf((await qualityStage.prepare(quality))(documentOf(text, { language })))
  }

  test('keeps prose', async () => {
    expect(await reason(prose)).toBe('kept')
  })

  test.each([
    ['too few words', 'The cat and the dog.'],
    ['placeholder text', `${prose} Lorem ipsum dolor sit amet.`],
    ['too many symbols', prose.replaceAll(/(\S+) (\S+)/g, '#$1 $2')],
    [
      'too few words with letters',
      prose
        .split(' ')
        .map((word, index) => (index % 3 === 0 ? '1234567' : word))
        .join(' '),
    ],
    ['words of odd length', prose.replaceAll(' ', 'bbbbbbbbb ')],
    ['mostly bullets', prose.replaceAll(/^/gm, '- ')],
    ['lines cut short', prose.replaceAll(/\.$/gm, ' ...')],
    ['mostly short lines', prose.replaceAll(/((?:\S+ ){4})/g, '$1\n')],
    ['few sentences', prose.replaceAll(/\.$/gm, '')],
    ['repeated lines', `${prose}\n${prose.split('\n').slice(0, 30).join('\n')}`],
    ['repeated words', `${prose}\n${'and we go on and on with it for ever. '.repeat(80)}`],
  ])('drops for %s', async (expected, text) => {
    expect(await reason(text)).toBe(expected)
  })

  test('asks for English words in English alone', async () => {
    const other = prose.replaceAll(/\b(?:the|be|to|of|and|that|have|with)\b/gi, 'und')
    expect(await reason(other)).toBe('no function words')
    expect(await reason(other, 'de')).not.toBe('no function words')
  })
})

describe('benchmarks', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'phi-benchmarks-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const question =
    'A train leaves the northern station at noon with ninety passengers. At each of the five stops eleven leave and four come on. How many are on it when it arrives at the harbour in the evening?'

  const found = async (text: string): Promise<string> => {
    const file = join(folder, 'questions.jsonl')
    const shared = Array.from(
      { length: 9 },
      (_, index) => `Which of the following best explains what the law of ${index} says?`,
    )
    await writeFile(
      file,
      [question, ...shared, 'Who wrote it?'].map((one) => JSON.stringify({ question: one })).join('\n'),
    )
    const { benchmarks } = recipe(`benchmarks: {files: ['${file}']}`)
    if (benchmarks === undefined) throw new Error('no settings')
    return reasonOf((await benchmarksStage.prepare(benchmarks))(documentOf(`${prose}\n${text}\n${prose}`)))
  }

  test.each([
    ['as it is', question],
    ['in other case and marks', question.toUpperCase().replaceAll(/[.,?]/g, ' --- ')],
    [
      'with its sentences in another order',
      question
        .split(/(?<=\.) /)
        .toReversed()
        .join(' '),
    ],
    ['with other numbers', question.replace('ninety', 'eighty')],
  ])('are found %s', async (_, text) => {
    expect(await found(text)).toBe('question of a benchmark')
  })

  test.each([
    ['other text', 'nothing of the kind'],
    ['a phrase that many questions have', 'Which of the following best explains what the law of gravity says?'],
    ['a short question', 'Who wrote it?'],
    // Known: it takes another method to see that this is the same.
    [
      'the question in other words',
      'At twelve ninety people ride off from the north. Five times, eleven get out and four get in. What number reaches the port?',
    ],
  ])('are not found in %s', async (_, text) => {
    expect(await found(text)).toBe('kept')
  })
})

describe('duplicates', () => {
  const settings = { bands: 30, rows: 4, similarity: 0.5 }
  const hashes = settings.bands * settings.rows
  const duplicatesOf = (texts: readonly string[]) => {
    const signatures = new Uint32Array(texts.length * hashes)
    texts.forEach((text, index) => signatures.set(signature(text, 3, hashes), index * hashes))
    return findDuplicates(Float64Array.from(texts, wordHash), signatures, settings)
  }

  /** A text with a share of its words replaced. */
  function edited(text: string, share: number, random: Random): string {
    return text
      .split(' ')
      .map((word) => (random.float() < share ? `w${random.integer(0, 1e6)}` : word))
      .join(' ')
  }

  const texts = Array.from({ length: 120 }, (_, index) => {
    return Array.from({ length: 6 }, (_unused, part) => worldDocument(index + 10, 1000 * part + index).text).join(' ')
  })

  test.each([
    [0, 1, 1],
    [0.01, 1, 1],
    [0.05, 0.98, 1],
    [0.1, 0.8, 1],
    [0.2, 0, 0.2],
  ])('with %s of the words replaced are found: from %s to %s of them', (share, least, most) => {
    const random = new Random(1)
    const all = [...texts, ...texts.map((text) => edited(text, share, random))]
    const found = duplicatesOf(all)
    const recall = texts.filter((_, index) => found.get(index + texts.length)?.of === index).length / texts.length
    expect(recall).toBeGreaterThanOrEqual(least)
    expect(recall).toBeLessThanOrEqual(most)
    // No two of the texts are alike.
    expect([...found.keys()].filter((index) => index < texts.length)).toEqual([])
  })

  test('stand in groups of which the first stays', () => {
    const [a = '', b = ''] = texts
    expect(duplicatesOf([a, b, a, b, a])).toEqual(
      new Map([
        [2, { of: 0, similarity: 1 }],
        [3, { of: 1, similarity: 1 }],
        [4, { of: 0, similarity: 1 }],
      ]),
    )
  })

  test('all have a similarity, also those that were the first of a group before another was found to be like them', () => {
    const [text = ''] = texts
    const words = text.split(' ')
    // Each is like the next; the first and the last are not alike.
    const chain = Array.from({ length: 8 }, (_, index) => words.slice(index * 12, index * 12 + 60).join(' '))
    const order = [3, 5, 7, 1, 0, 2, 4, 6]
    const found = [...duplicatesOf(order.map((index) => chain[index] ?? '')).values()]
    expect(found.length).toBe(7)
    for (const { of, similarity } of found) {
      expect(of).toBe(0)
      expect(similarity).toBeGreaterThanOrEqual(settings.similarity)
    }
  })

  test('are not all short texts', () => {
    expect(duplicatesOf(['one', 'two', '', 'one two'])).toEqual(new Map())
  })
})

test.each([
  ['Write to ada.l@mail.host.org now', 'Write to <email> now', { email: 1 }],
  ['at test@example.com', 'at test@example.com', {}],
  ['from 84.23.114.7, not 192.168.1.20 or 1.2.3.4', 'from <address>, not 192.168.1.20 or 1.2.3.4', { address: 1 }],
  ['call +44 20 7946 0958 or (555) 123-4567', 'call <phone> or <phone>', { phone: 2 }],
  ['the card 4539 1488 0343 6467', 'the card <card>', { card: 1 }],
  ['the number 4539 1488 0343 6468', 'the number 4539 1488 0343 6468', {}],
  ['GB82 WEST 1234 5698 7654 32 is', '<iban> is', { iban: 1 }],
  ['in 1998-2004, 3.14159265358979 and 2024-05-01', 'in 1998-2004, 3.14159265358979 and 2024-05-01', {}],
])('what reaches a person is replaced: %s', (text, scrubbed, counts) => {
  expect(scrub(text)).toEqual({ text: scrubbed, counts })
})

describe('educational value', () => {
  const value = (text: string): number => annotateByRules(documentOf(text)).education.score
  const lesson =
    'Photosynthesis is the process by which plants make sugar. It is called so because light is what drives it. For example, a leaf in the sun takes in carbon dioxide, which means that it needs open pores; therefore it also loses water. Suppose that the pores close: then less carbon dioxide enters, and as a result less sugar is made. In other words, a plant must choose between thirst and hunger. Figure 2 describes how this depends on the hour of the day. '
  const selling =
    'Buy now and get free shipping on all of our products! Click here to subscribe, contact us for the best price, and check out our team. Order online today: limited offer, 50% discount on sale items. Add to cart. '
  const log = '2021-03-04 12:33:01 [info] /var/log/a_b=12 #44 {id:9} <0x12> 10.2.3\n'

  test('goes from lessons over prose to sales and logs', () => {
    const values = [lesson.repeat(4), prose, selling.repeat(8), log.repeat(80)].map(value)
    expect(values).toEqual(values.toSorted((a, b) => b - a))
    expect(values[0]).toBeGreaterThan(4)
    expect(values[1]).toBeGreaterThan(1)
    expect(values[2]).toBeLessThan(1)
    expect(values[3]).toBe(0)
  })

  test('is kept with the document, or decides', async () => {
    const step = await educationStage.prepare({ least: 2 })
    expect(step(documentOf(lesson.repeat(4)))).toMatchObject({
      kept: { education: expect.any(Number) as number, reasoning: expect.any(Number) as number },
    })
    expect(reasonOf(step(documentOf(log.repeat(80))))).toBe('little educational value')
  })
})
