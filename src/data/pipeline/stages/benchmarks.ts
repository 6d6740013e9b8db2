/** Documents that hold questions of benchmarks, which a model that learned from them could no longer be measured with. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { isJsonObject, parseJson } from '../../../formats/json.ts'
import type { StageSettings } from '../recipe.ts'
import type { DocumentStage, Step } from './step.ts'
import { hashesOf, sequenceHashes, wordsOf } from './words.ts'

type Settings = StageSettings['benchmarks']

/** Sequences in more questions than this are phrases of the trade ("which of the following best"), not a question. */
const mostQuestions = 4
/** Shorter questions could be anything. */
const fewestWords = 5

/** Where the sequences of all questions are looked up. */
export class QuestionIndex {
  readonly #words: number
  readonly #share: number
  /** By length of the sequences: those of short questions are the whole question. */
  readonly #byLength = new Map<number, Map<number, { readonly question: number; questions: number }>>()
  readonly #sequences: number[] = []
  readonly #texts: string[] = []

  constructor({ words, share }: Pick<Settings, 'words' | 'share'>) {
    this.#words = words
    this.#share = share
  }

  add(text: string): void {
    const hashes = hashesOf(wordsOf(text))
    const length = Math.min(this.#words, hashes.length)
    if (length < fewestWords) return
    const known = this.#byLength.get(length) ?? new Map<number, { question: number; questions: number }>()
    this.#byLength.set(length, known)
    const question = this.#texts.length
    const own = new Set(sequenceHashes(hashes, length))
    for (const sequence of own) {
      const entry = known.get(sequence)
      if (entry === undefined) known.set(sequence, { question, questions: 1 })
      else entry.questions++
    }
    this.#texts.push(text.slice(0, 120))
    this.#sequences.push(own.size)
  }

  /** A question of which enough is in a text. */
  find(text: string): string | undefined {
    const hashes = hashesOf(wordsOf(text))
    const found = new Map<number, Set<number>>()
    for (const [length, known] of this.#byLength) {
      for (const sequence of sequenceHashes(hashes, length)) {
        const entry = known.get(sequence)
        if (entry === undefined || entry.questions > mostQuestions) continue
        const own = found.get(entry.question) ?? new Set()
        found.set(entry.question, own.add(sequence))
      }
    }
    for (const [question, { size }] of found) {
      if (size >= this.#share * (this.#sequences[question] ?? Infinity)) return this.#texts[question]
    }
    return undefined
  }
}

async function* linesOf(file: string): AsyncGenerator<string, void> {
  const bytes = createReadStream(file)
  yield* createInterface({ input: file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes, crlfDelay: Infinity })
}

/** @throws PocketPhiError `invalid-file` for a line that is no JSON */
async function indexOf(settings: Settings): Promise<QuestionIndex> {
  const index = new QuestionIndex(settings)
  for (const file of settings.files) {
    for await (const line of linesOf(file)) {
      const row = line === '' ? undefined : parseJson(line, file)
      for (const field of settings.fields) {
        const value = isJsonObject(row) ? row[field] : undefined
        if (typeof value === 'string') index.add(value)
      }
    }
  }
  return index
}

/** Of the settings that a thread had last: shards follow each other with the same ones. */
let last: { readonly key: string; readonly step: Promise<Step> } | undefined

async function makeStep(settings: Settings): Promise<Step> {
  const index = await indexOf(settings)
  return (document) => {
    const question = index.find(document.text)
    return question === undefined
      ? { kept: document }
      : { dropped: 'question of a benchmark', notes: { detail: question } }
  }
}

/** `files` are paths here, not patterns. */
export const benchmarksStage: DocumentStage<Settings> = {
  version: 1,
  prepare(settings) {
    const key = JSON.stringify(settings)
    if (last?.key !== key) last = { key, step: makeStep(settings) }
    return last.step
  },
}
