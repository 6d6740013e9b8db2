/** The files of a stage: shards of documents, and beside each what became of them. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { PocketPhiError } from '../../base/errors.ts'
import { writeFileAtomic } from '../../formats/atomic.ts'
import { parseJson } from '../../formats/json.ts'
import type { DataDocument } from './document.ts'

/** A shard by its number, or by the numbers of its file and of the part of it. */
export type ShardName = string

const documentsFile = (folder: string, shard: ShardName): string => join(folder, `${shard}.jsonl.zst`)

/** Writes a shard whole or not at all. */
export async function writeDocuments(folder: string, shard: ShardName, lines: readonly string[]): Promise<void> {
  const text = lines.map((line) => `${line}\n`).join('')
  await writeFileAtomic(documentsFile(folder, shard), new Uint8Array(zstdCompressSync(text)))
}

/** The documents of a shard. */
export async function readDocuments(folder: string, shard: ShardName): Promise<DataDocument[]> {
  const file = documentsFile(folder, shard)
  try {
    const text = zstdDecompressSync(await readFile(file)).toString()
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as DataDocument)
  } catch (cause) {
    throw new PocketPhiError('invalid-file', `The shard "${file}" cannot be read.`, {
      remedy: `Remove the folder "${folder}" and run the pipeline again: it makes the stage anew.`,
      cause,
    })
  }
}

/** Writes a value as JSON whole or not at all. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value)}\n`)
}

/**
 * What `writeJson` wrote; undefined where it did not.
 * @throws PocketPhiError `invalid-file` for a file that is no JSON
 */
export async function readJsonIfThere<T>(path: string): Promise<T | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return text === undefined ? undefined : (parseJson(text, path) as T)
}
