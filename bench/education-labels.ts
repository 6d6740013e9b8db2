/** Documents whose educational value was judged by reading them (bench/labels/README.md). */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { PocketPhiError } from '../src/base/errors.ts'
import { isJsonObject } from '../src/formats/json.ts'
import labelFile from './labels/educational-value.json' with { type: 'json' }

/** Characters of a document that were read before it was judged. */
export const charactersRead = 1500

/** Hexadecimal digits that are kept of a text's SHA-256. */
const hashDigits = 12

export interface LabelledDocument {
  /** Name of its file, without endings. */
  readonly source: string
  readonly text: string
  /** The part of the text that was judged. */
  readonly excerpt: string
  /** What its whole source is thought to be worth, 1 to 5, where the file says so. */
  readonly prior: number | undefined
  /** Educational value, 0 to 5. */
  readonly value: number
  /** From mere facts, 0, to nothing but reasoning, 5. */
  readonly reasoning: number
}

/**
 * The labelled documents, source by source.
 *
 * @param folder with a file SOURCE.jsonl.gz for each source; a line has `text` and may have `quality_prior`
 * @throws PocketPhiError `invalid-file` where a line is not the text that was labelled
 */
export function labelledDocuments(folder: string): LabelledDocument[] {
  return Object.entries(labelFile.labels).flatMap(([source, labels]) => {
    const file = join(folder, `${source}.jsonl.gz`)
    const lines = gunzipSync(readFileSync(file)).toString().split('\n')
    return Object.entries<number[]>(labels).map(([id, [value = 0, reasoning = 0]]) => {
      const [line = '', hash = ''] = id.split(':')
      const row: unknown = JSON.parse(lines[Number(line) - 1] || 'null')
      const text = isJsonObject(row) && typeof row['text'] === 'string' ? row['text'] : ''
      const found = createHash('sha256').update(text).digest('hex').slice(0, hashDigits)
      if (found !== hash) {
        throw new PocketPhiError('invalid-file', `Line ${line} of "${file}" is not the text that was labelled.`, {
          expected: `a text whose SHA-256 begins with ${hash}`,
          found,
          remedy: 'Take the files that the labels were made of, or draw and label anew (bench/labels/README.md).',
        })
      }
      const prior = isJsonObject(row) && typeof row['quality_prior'] === 'number' ? row['quality_prior'] : undefined
      return { source, text, excerpt: text.slice(0, charactersRead), prior, value, reasoning }
    })
  })
}
