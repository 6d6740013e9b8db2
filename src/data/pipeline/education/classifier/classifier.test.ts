import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Random } from '../../../../base/random.ts'
import { floatEntry, safetensorsBytes } from '../../../../formats/safetensors-writer.ts'
import { document as worldDocument } from '../../../world/index.ts'
import { readClassifier, trainClassifier, type Classifier } from './classifier.ts'
import { FeatureReader } from './features.ts'
import { formFigures } from './form.ts'
import { agreementOf, readLessons } from './lessons.ts'
import { classifierKinds, type ClassifierKind } from './models.ts'
import { meanError, rankCorrelation } from './quality.ts'
import type { Lesson } from './train.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phi-classifier-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Texts with so much of their lines from a log; connected by "because" where there is reasoning. */
function lessonOf(index: number): Lesson {
  const random = new Random(index + 1)
  const noise = random.integer(0, 6)
  const reasoning = random.integer(0, 6)
  const lines = Array.from({ length: 30 }, (_, line) => {
    if (line % 5 < noise)
      return `2024-0${line % 9}-11 [warn] /var/log/x${random.integer(0, 99)}.gz = ${random.integer(0, 9999)}`
    const text = worldDocument(line + 1, 100 * index + line)
      .text.replaceAll(/\s+/g, ' ')
      .slice(0, 100)
    return line % 5 < reasoning ? `${text} because it follows.` : `${text}.`
  })
  return { text: lines.join('\n'), education: 5 - noise, reasoning: Math.min(reasoning, 5 - noise) }
}

const training = Array.from({ length: 300 }, (_, index) => lessonOf(index))
const unseen = Array.from({ length: 80 }, (_, index) => lessonOf(index + 1000))
const train = (kind: ClassifierKind, seed = 1): Classifier =>
  trainClassifier(training, { kind, annotator: 'nobody', seed })
const bytesOf = async (classifier: Classifier, name: string): Promise<Buffer> => {
  await classifier.save(join(folder, name))
  return await readFile(join(folder, name))
}

describe.each(classifierKinds)('a classifier of the kind %s', (kind) => {
  test('learns both scales', () => {
    const { education, reasoning } = agreementOf(train(kind), unseen)
    expect(education.rankCorrelation).toBeGreaterThan(0.9)
    expect(education.meanError).toBeLessThan(0.8)
    expect(reasoning.rankCorrelation).toBeGreaterThan(0.7)
  })

  test('is the same for the same seed, and for another another', async () => {
    const first = await bytesOf(train(kind), 'first')
    expect((await bytesOf(train(kind), 'second')).equals(first)).toBe(true)
    expect((await bytesOf(train(kind, 2), 'third')).equals(first)).toBe(false)
    expect(first.length).toBeLessThan(1_200_000)
  })

  test('is the same from its file', async () => {
    const classifier = train(kind)
    await classifier.save(join(folder, 'saved'))
    const read = await readClassifier(join(folder, 'saved'))
    expect(read.facts).toEqual({ kind, annotator: 'nobody', documents: 300, seed: 1 })
    for (const { text } of unseen) expect(read.score(text)).toEqual(classifier.score(text))
  })

  test('is refused where a byte of its file is another', async () => {
    const bytes = await bytesOf(train(kind), 'damaged')
    for (const at of [bytes.indexOf('nobody'), bytes.length >> 1, bytes.length - 1]) {
      const damaged = Buffer.from(bytes)
      damaged[at] = (damaged[at] ?? 0) ^ 4
      await writeFile(join(folder, 'damaged'), damaged)
      await expect(readClassifier(join(folder, 'damaged'))).rejects.toMatchObject({ code: 'invalid-file' })
    }
  })

  test('gives scores within the scale, whatever the text', () => {
    const classifier = train(kind)
    for (const text of ['', ' \n\n ', '😀'.repeat(5000), '\u0000\uFFFF', '字'.repeat(9000), '-'.repeat(9000)]) {
      for (const score of Object.values(classifier.score(text))) {
        expect(score).toBeGreaterThanOrEqual(0)
        expect(score).toBeLessThanOrEqual(5)
      }
    }
  })
})

test.each([
  ['of something else', { tokens: [2, 2] }, {}],
  ['of another version', { tokens: [2, 2] }, { format: 'pocket-phi-classifier', version: '0', kind: 'linear' }],
  ['without its tensors', { tokens: [2, 2] }, { format: 'pocket-phi-classifier', version: '1', kind: 'linear' }],
])('a file %s is no classifier', async (_, tensors, metadata) => {
  const entries = Object.entries(tensors).map(([name, shape]) => floatEntry(name, shape, new Float32Array(4)))
  await writeFile(join(folder, 'other'), await safetensorsBytes(entries, metadata))
  await expect(readClassifier(join(folder, 'other'))).rejects.toMatchObject({ code: 'invalid-file' })
})

describe('features', () => {
  const tokens = (text: string): number[] => [...new FeatureReader(1 << 16).read(text).tokens]
  const form = (text: string): Record<string, number> => {
    const { form: figures } = new FeatureReader(1 << 16).read(text)
    return Object.fromEntries(formFigures.map((name, index) => [name, figures[index] ?? 0]))
  }

  test('are a token and a pair for each word, number, mark and line break', () => {
    expect(tokens('One two, 34.\n\nfive').length).toBe(2 * 7)
    expect(tokens('')).toEqual([])
  })

  test.each([
    ['upper and lower case', 'The CAT sat', 'the cat sat', true],
    ['numbers of as many digits', 'in 1998', 'in 2024', true],
    ['numbers of fewer digits', 'in 1998', 'in 7', false],
    ['spaces', 'a b', 'a   b', true],
    ['a rule and a dash', '- a', '----- a', false],
    ['a line break and an empty line', 'a\nb', 'a\n\nb', false],
    ['empty lines', 'a\n\nb', 'a\n \n\nb', true],
    ['the order of words', 'a b c', 'c b a', false],
  ])('know of %s', (_, one, other, same) => {
    expect(JSON.stringify(tokens(one)) === JSON.stringify(tokens(other))).toBe(same)
  })

  test('do not depend on what was read before', () => {
    const reader = new FeatureReader(1 << 16)
    const read = (text: string): string => JSON.stringify([...reader.read(text).tokens, ...reader.read(text).form])
    const before = read('A short text.')
    read('A much longer text, of several words. '.repeat(50))
    expect(read('A short text.')).toBe(before)
  })

  test('of form are what they are called', () => {
    const found = form('The cat, Tom, sat.\n- 12 is\n  more')
    expect(found['letters a character']).toBeCloseTo(18 / 33, 12)
    expect(found['digits a character']).toBeCloseTo(2 / 33, 12)
    expect(found['marks other than those of sentences a character']).toBeCloseTo(1 / 33, 12)
    expect(found['words in capitals a word']).toBeCloseTo(0, 12)
    expect(form('IN the USA now')['words in capitals a word']).toBeCloseTo(2 / 4, 12)
    expect(found['letters a word']).toBeCloseTo(18 / 6, 12)
    expect(found['words a sentence (logarithm)']).toBeCloseTo(Math.log(6 / 2), 12)
    expect(found['commas a word']).toBeCloseTo(2 / 6, 12)
    expect(found['capitalised words within sentences a word']).toBeCloseTo(1 / 6, 12)
    expect(found['lines that end as sentences do']).toBeCloseTo(1 / 3, 12)
    expect(found['lines that begin with no letter']).toBeCloseTo(1 / 3, 12)
    expect(found['lines that are indented']).toBeCloseTo(1 / 3, 12)
    expect(form('a b a b a b')['different tokens by the square root of all']).toBeCloseTo(2 / Math.sqrt(6), 12)
    expect(form('because the cat')['words of reasons a word']).toBeCloseTo(1 / 3, 12)
    expect(form('Because the cat')['words of grammar a word']).toBeCloseTo(1 / 3, 12)
    // The first stands behind nothing.
    expect(form('a b a b a b')['different pairs of all']).toBeCloseTo(3 / 6, 12)
  })
})

describe('files of annotations', () => {
  const row = (text: string, score: number): string => {
    const judgement = { score, reason: 'r' }
    return JSON.stringify({
      id: 'a',
      source: 's',
      text,
      annotator: 'model',
      education: judgement,
      reasoning: judgement,
    })
  }

  test('are split by their texts, each of which counts once', async () => {
    const file = join(folder, 'annotations.jsonl')
    const lines = Array.from({ length: 400 }, (_, index) => row(`text ${index % 200}`, index % 6))
    await writeFile(file, lines.join('\n'))
    const { annotator, training: learned, heldOut } = await readLessons([file], 0.2)
    expect(annotator).toBe('model')
    expect(learned.length + heldOut.length).toBe(200)
    expect(heldOut.length).toBeGreaterThan(20)
    expect(heldOut.length).toBeLessThan(60)
  })

  test('are refused by the line that is none', async () => {
    const file = join(folder, 'bad.jsonl')
    await writeFile(file, `${row('a', 1)}\n${row('b', 6)}\n`)
    await expect(readLessons([file], 0)).rejects.toMatchObject({
      code: 'invalid-file',
      message: expect.stringMatching(/line 2, is no annotation.*education.score/s) as string,
    })
  })
})

test.each([
  [[1, 2, 3, 4], [10, 20, 30, 400], 1],
  [[1, 2, 3, 4], [4, 3, 2, 1], -1],
  [[1, 2, 3, 4, 5], [2, 1, 4, 3, 5], 0.8],
  // Ties share the mean of their ranks: 1, 2.5, 2.5, 4 with 1, 2, 3, 4.
  [[1, 2, 2, 3], [1, 2, 3, 4], 4.5 / Math.sqrt(4.5 * 5)],
  [[1, 1, 1], [1, 2, 3], 0],
])('the rank correlation of %s and %s', (a, b, expected) => {
  expect(rankCorrelation(a, b)).toBeCloseTo(expected, 12)
})

test('the mean error is the mean of the distances', () => {
  expect(meanError([1, 2, 3], [1, 4, 2])).toBe(1)
})
