/** Pages whose blocks were labelled by reading as main text or not (bench/labels/README.md), and how near a found text comes to the labels. */
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isSkipped } from '../src/data/documents/found.ts'
import { formatOf, readFileDocuments } from '../src/data/pipeline/sources/read-file.ts'
import { blocksOf } from '../src/data/pipeline/stages/main-text/blocks.ts'
import { wordsOf } from '../src/data/pipeline/stages/main-text/pages-harness.ts'
import { parsePage } from '../src/data/pipeline/stages/main-text/parse-page.ts'
import labelFile from './labels/main-text-pages.json' with { type: 'json' }

/** What a reader says of a block: part of the main text; not; or as well in it as out of it, such as titles and dates. */
type Label = 'main' | 'other' | 'either'

interface LabelledBlock {
  readonly text: string
  readonly label: Label
}

export interface LabelledPage {
  /** Path below the folder. */
  readonly name: string
  readonly kind: string
  readonly html: string
  /** Each different text of the page once. */
  readonly blocks: readonly LabelledBlock[]
}

/** Shares, 0 to 1. */
export interface Agreement {
  readonly precision: number
  readonly recall: number
  /** The harmonic mean of both. */
  readonly f1: number
}

export const labelledPages = labelFile.pages.length

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

const squeezed = (text: string): string => text.replaceAll(/\s+/g, '')

/** The labelled pages among the files of a folder and those below it. */
export async function findLabelledPages(folder: string): Promise<LabelledPage[]> {
  const labels = new Map(labelFile.pages.map((page) => [page.sha256, page]))
  const found: LabelledPage[] = []
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    if (formatOf(name) === undefined) continue
    for await (const page of readFileDocuments(join(folder, name), { html: 'html' })) {
      if (isSkipped(page)) continue
      const hash = hashOf(page.text)
      const label = labels.get(hash)
      if (label === undefined) continue
      labels.delete(hash)
      found.push({ name, kind: label.kind, html: page.text, blocks: labelledBlocks(page.text, label) })
    }
  }
  return found
}

function labelledBlocks(
  html: string,
  { main, either }: { readonly main: readonly string[]; readonly either: readonly string[] },
): LabelledBlock[] {
  const labels = new Map<string, Label>([
    ...main.map((hash) => [hash, 'main'] as const),
    ...either.map((hash) => [hash, 'either'] as const),
  ])
  const texts = new Map(blocksOf(parsePage(html).body).map(({ text }) => [squeezed(text), text]))
  return [...texts].map(([key, text]) => ({ text, label: labels.get(hashOf(key).slice(0, 12)) ?? 'other' }))
}

/** Shorter texts occur within others by chance; they count as found where they are a line of their own. */
const surelyWhole = 20

/** Which blocks a found text has, against which it should have. */
export function blockAgreement({ blocks }: LabelledPage, found: string): Agreement {
  const whole = squeezed(found)
  const lines = new Set(found.split('\n').map((line) => squeezed(line.replace(/^- /, ''))))
  const has = ({ text }: LabelledBlock): boolean => {
    const key = squeezed(text)
    return key.length >= surelyWhole ? whole.includes(key) : lines.has(key)
  }
  const taken = blocks.filter(has)
  const right = taken.filter(({ label }) => label === 'main').length
  const wrong = taken.filter(({ label }) => label === 'other').length
  return agreement(right, right + wrong, blocks.filter(({ label }) => label === 'main').length)
}

/** The same by words without their order, so that long blocks count for more and their borders for nothing. */
export function wordAgreement({ blocks }: LabelledPage, found: string): Agreement {
  const countsOf = (label: Label): Map<string, number> =>
    counts(blocks.filter((block) => block.label === label).map(({ text }) => text))
  const [main, either] = [countsOf('main'), countsOf('either')]
  let [right, neither, all] = [0, 0, 0]
  for (const [word, count] of counts([found])) {
    const ofMain = Math.min(count, main.get(word) ?? 0)
    right += ofMain
    neither += Math.min(count - ofMain, either.get(word) ?? 0)
    all += count
  }
  return agreement(
    right,
    all - neither,
    [...main.values()].reduce((sum, count) => sum + count, 0),
  )
}

function counts(texts: readonly string[]): Map<string, number> {
  const found = new Map<string, number>()
  for (const word of texts.flatMap(wordsOf)) found.set(word, (found.get(word) ?? 0) + 1)
  return found
}

function agreement(right: number, taken: number, wanted: number): Agreement {
  return {
    precision: taken === 0 ? 1 : right / taken,
    recall: wanted === 0 ? 1 : right / wanted,
    f1: taken + wanted === 0 ? 1 : (2 * right) / (taken + wanted),
  }
}
