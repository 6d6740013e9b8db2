/**
 * Settings of the stage `duplicates` compared: how many copies of documents are found of which words were replaced, and what is dropped beside them.
 *
 *     node bench/near-duplicates.ts DATA [--one-in 4]
 *
 * DATA/corpus has documents as lines of JSON with `text`, in gzip; one in so many is taken. Beside their copies two sets are looked at that should lose
 * nothing: pages put together from passages of chance, and the documents themselves, of which some are alike in truth.
 */
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { present } from '../src/base/errors.ts'
import { Random } from '../src/base/random.ts'
import { findDuplicates, type Duplicate } from '../src/data/pipeline/stages/cluster.ts'
import { wordScore } from '../src/data/pipeline/stages/main-text/pages-harness.ts'
import { signature } from '../src/data/pipeline/stages/min-hash.ts'
import { drawPassages, edited, passagesOf } from './crawl-texts.ts'

/** Hash functions of the signatures; settings take as many of them as they need. */
const hashes = 120
const fewestWords = 50
/** Documents that have less in common are not alike. */
const leastInCommon = 0.8

interface Setting {
  readonly words: number
  readonly bands: number
  readonly rows: number
  readonly similarity: number
  readonly note?: string
}

const settings: readonly Setting[] = [
  { words: 5, bands: 14, rows: 8, similarity: 0, note: "FineWeb's" },
  { words: 5, bands: 24, rows: 5, similarity: 0.6 },
  { words: 5, bands: 30, rows: 4, similarity: 0.4 },
  { words: 3, bands: 14, rows: 8, similarity: 0.6 },
  { words: 3, bands: 24, rows: 5, similarity: 0.6, note: 'until November 2026' },
  { words: 3, bands: 24, rows: 5, similarity: 0.5 },
  { words: 3, bands: 30, rows: 4, similarity: 0.6 },
  { words: 3, bands: 30, rows: 4, similarity: 0.5, note: 'the default' },
  { words: 3, bands: 30, rows: 4, similarity: 0.45 },
  { words: 2, bands: 24, rows: 5, similarity: 0.6 },
  { words: 2, bands: 30, rows: 4, similarity: 0.6 },
  { words: 2, bands: 30, rows: 4, similarity: 0.5 },
  { words: 1, bands: 24, rows: 5, similarity: 0.7 },
]

/** What is done to a copy. */
const edits: readonly { readonly name: string; readonly share: number; readonly inOnePiece?: boolean }[] = [
  { name: '1 %', share: 0.01 },
  { name: '5 %', share: 0.05 },
  { name: '10 %', share: 0.1 },
  { name: '20 %', share: 0.2 },
  { name: '20 % in one piece', share: 0.2, inOnePiece: true },
]

async function readTexts(folder: string, oneIn: number): Promise<string[]> {
  const texts: string[] = []
  const files: string[] = []
  for await (const file of glob(join(folder, 'corpus', '*.jsonl.gz'))) files.push(file)
  let count = 0
  for (const file of files.sort()) {
    for (const line of gunzipSync(await readFile(file))
      .toString()
      .split('\n')) {
      if (line === '' || count++ % oneIn > 0) continue
      const text = (JSON.parse(line) as { text: string }).text.replaceAll(/\s+/g, ' ').trim()
      if (text.split(' ').length >= fewestWords) texts.push(text)
    }
  }
  return texts
}

/** A copy with words of other documents, each by chance or so many that follow each other. */
function copyOf(
  text: string,
  { share, inOnePiece = false }: (typeof edits)[number],
  others: readonly string[],
  random: Random,
): string {
  if (!inOnePiece) return edited(text, share, others, random)
  const words = text.split(' ')
  const count = Math.round(share * words.length)
  const start = random.integer(0, words.length - count + 1)
  const piece = edited(words.slice(start, start + count).join(' '), 1, others, random)
  return [...words.slice(0, start), piece, ...words.slice(start + count)].join(' ')
}

/** [documents, hashes] */
function signaturesOf(texts: readonly string[], words: number): Uint32Array {
  const all = new Uint32Array(texts.length * hashes)
  texts.forEach((text, index) => all.set(signature(text, words, hashes), index * hashes))
  return all
}

/** The duplicates by the first hashes of signatures. Texts that are equal count by their signatures as well: nothing else is to be compared here. */
function duplicatesOf(signatures: Uint32Array, { bands, rows, similarity }: Setting): Map<number, Duplicate> {
  const count = signatures.length / hashes
  const used = bands * rows
  const cut = new Uint32Array(count * used)
  for (let document = 0; document < count; document++) {
    cut.set(signatures.subarray(document * hashes, document * hashes + used), document * used)
  }
  return findDuplicates(
    Float64Array.from({ length: count }, (_, index) => index),
    cut,
    { bands, rows, similarity },
  )
}

function joinedSignatures(one: Uint32Array, other: Uint32Array): Uint32Array {
  const both = new Uint32Array(one.length + other.length)
  both.set(one)
  both.set(other, one.length)
  return both
}

/** Texts of passages that meet by chance. */
function mixedTexts(texts: readonly string[], random: Random): string[] {
  const passages = texts.flatMap(passagesOf)
  return texts.map(() => drawPassages(passages, 12, random).join(' '))
}

const percent = (part: number, of: number): string => `${((100 * part) / of).toFixed(1)} %`

function row(setting: Setting, texts: readonly string[], made: ReadonlyMap<string, Uint32Array>): object {
  const originals = present(made.get('originals'), 'originals')
  const recall = edits.map(({ name }) => {
    const all = duplicatesOf(joinedSignatures(originals, present(made.get(name), name)), setting)
    const groupOf = (document: number): number => all.get(document)?.of ?? document
    const found = texts.filter((_, index) => groupOf(index + texts.length) === groupOf(index)).length
    return [name, percent(found, texts.length)]
  })
  const own = [...duplicatesOf(originals, setting)]
  const alike = own.filter(([document, { of }]) => wordScore(texts[document] ?? '', texts[of] ?? '') >= leastInCommon)
  const mixed = duplicatesOf(present(made.get('mixed'), 'mixed'), setting).size
  return {
    ...Object.fromEntries(recall),
    'mixed pages dropped': mixed,
    'documents dropped': own.length,
    'of them not alike': own.length - alike.length,
    note: setting.note ?? '',
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'one-in': { type: 'string', default: '4' } },
})
const [data] = positionals
if (data === undefined) throw new Error('Usage: node bench/near-duplicates.ts DATA [--one-in 4]')
const texts = await readTexts(data, Number(values['one-in']))
console.log(
  `${texts.length} documents of ${(texts.reduce((sum, { length }) => sum + length, 0) / 1e6).toFixed(1)} M characters`,
)
const vocabulary = [...new Set(texts.slice(0, 2000).flatMap((text) => text.split(' ').slice(0, 200)))]
const mixed = mixedTexts(texts, new Random(2))
const rows: [string, object][] = []
for (const words of new Set(settings.map((setting) => setting.words))) {
  const made = new Map([
    ['originals', signaturesOf(texts, words)],
    ['mixed', signaturesOf(mixed, words)],
  ])
  for (const edit of edits) {
    const random = new Random(1).fork(edit.name)
    made.set(
      edit.name,
      signaturesOf(
        texts.map((text) => copyOf(text, edit, vocabulary, random)),
        words,
      ),
    )
  }
  for (const setting of settings.filter((one) => one.words === words)) {
    const { bands, rows: ofBand, similarity } = setting
    rows.push([`${words} words, ${bands} × ${ofBand}, ${similarity}`, row(setting, texts, made)])
  }
}
console.log('Copies found by the share of words that were replaced, and what is dropped beside them')
console.table(Object.fromEntries(rows))
