/**
 * Packed shards: the tokens of texts in the order in which a training reads them, each text at most as long as the longest example. Of each
 * shard one file has the ids and one where texts begin; a manifest says what belongs together. Numbers are little-endian.
 */
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PocketPhiError, present } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import type { AtomicFolder } from '../../formats/atomic.ts'
import { parseJson } from '../../formats/json.ts'

export interface ShardEntry {
  readonly name: string
  readonly examples: number
  readonly tokens: number
}

export const shardSets = ['training', 'heldOut'] as const
export type ShardSet = (typeof shardSets)[number]

export interface ShardManifest {
  readonly format: 1
  /** SHA-256 of the tokenizer.json that the ids are of. */
  readonly tokenizer: string
  /** Tokens of the longest example. */
  readonly longest: number
  readonly sets: Readonly<Record<ShardSet, readonly ShardEntry[]>>
}

/** In the folder of a run: where its newest shards are. */
export interface ShardPointer {
  readonly format: 1
  /** A path from that folder. */
  readonly at: string
}

export const manifestFile = 'shards.json'

/** The name of a tokenizer in a manifest. */
export function tokenizerChecksum(tokenizerJson: string): string {
  return createHash('sha256').update(tokenizerJson).digest('hex')
}

/** Writes one shard. @param examples ids of each text */
export async function writeShard(
  folder: AtomicFolder,
  name: string,
  examples: readonly Uint32Array[],
): Promise<ShardEntry> {
  const starts = new Uint32Array(examples.length + 1)
  examples.forEach(({ length }, index) => (starts[index + 1] = (starts[index] as number) + length))
  const tokens = starts[examples.length] as number
  const ids = new Uint32Array(tokens)
  examples.forEach((example, index) => ids.set(example, starts[index]))
  await folder.writeFile(`${name}.ids`, bytesOf(ids))
  await folder.writeFile(`${name}.starts`, bytesOf(starts))
  return { name, examples: examples.length, tokens }
}

function bytesOf(numbers: Uint32Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
}

/** Texts by number. */
export interface TokenTexts {
  readonly count: number
  /** The ids of a text. */
  ids(index: number): number[]
}

export interface TokenShards extends Readonly<Record<ShardSet, TokenTexts>> {
  readonly manifest: ShardManifest
  readonly close: () => void
}

/**
 * Opens packed shards, by their folder or that of the run that made them. Where texts begin is in memory, 4 bytes for each; ids are read when they are asked for.
 *
 * @throws PocketPhiError `not-found` without a manifest, `invalid-file` where the files are not what it says
 */
export async function openShards(folder: string): Promise<TokenShards> {
  const text = await readFile(join(folder, manifestFile), 'utf8').catch((cause: unknown) => {
    throw new PocketPhiError('not-found', `There are no packed shards in "${folder}".`, {
      expected: `a folder with ${manifestFile}, as "phi data run" makes it`,
      cause,
    })
  })
  const manifest = parseJson(text, manifestFile) as ShardManifest | ShardPointer
  if (manifest.format !== 1) {
    throw new PocketPhiError('invalid-file', `The shards in "${folder}" are of a format that is not known.`, {
      expected: '1',
      found: String(manifest.format),
      remedy: 'Use a newer version of pocket-phi.',
    })
  }
  if ('at' in manifest) return await openShards(join(folder, manifest.at))
  const files: number[] = []
  const close = (): void => {
    for (const file of files.splice(0)) closeSync(file)
  }
  try {
    const [training, heldOut] = await Promise.all(shardSets.map((set) => openSet(folder, manifest.sets[set], files)))
    return { manifest, training: present(training, 'training'), heldOut: present(heldOut, 'held out'), close }
  } catch (error) {
    close()
    throw error
  }
}

async function openSet(folder: string, entries: readonly ShardEntry[], files: number[]): Promise<TokenTexts> {
  const shards = await Promise.all(
    entries.map(async ({ name, examples, tokens }) => {
      const bytes = await readFile(join(folder, `${name}.starts`))
      const starts = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
      if (starts.length !== examples + 1 || starts[examples] !== tokens) {
        throw new PocketPhiError('invalid-file', `The shard "${name}" in "${folder}" is not what the manifest says.`, {
          expected: `${examples} texts with ${tokens} tokens`,
          found: `${starts.length - 1} texts with ${starts.at(-1)} tokens`,
          remedy: 'Remove the folder and run the pipeline again.',
        })
      }
      const file = openSync(join(folder, `${name}.ids`), 'r')
      files.push(file)
      return { starts, file, name }
    }),
  )
  const firsts: number[] = []
  let count = 0
  for (const { examples } of entries) {
    firsts.push(count)
    count += examples
  }
  return {
    count,
    ids(index) {
      const shard = firsts.findLastIndex((first) => first <= index)
      const { starts, file, name } = present(shards[shard], 'shard')
      const at = index - (firsts[shard] as number)
      const [start, end] = [present(starts[at], 'start'), present(starts[at + 1], 'end')]
      const ids = new Uint32Array(end - start)
      const read = readSync(file, bytesOf(ids), 0, ids.byteLength, 4 * start)
      if (read === ids.byteLength) return [...ids]
      throw new PocketPhiError('invalid-file', `The shard "${name}" in "${folder}" ends early.`, {
        expected: `${4 * end} bytes`,
        found: `${4 * start + read}`,
        remedy: 'Remove the folder and run the pipeline again.',
      })
    },
  }
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b)
}

/**
 * Which of so many texts is read at a position. Each comes once before any comes again, and every round has an order of its own: the positions
 * times a number that has no divisor in common with the count.
 */
export function roundOrder(seed: number, count: number, position: number): number {
  const round = Math.floor(position / count)
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ round)
  let factor = random.integer(1, Math.max(2, count))
  while (greatestDivisor(factor, count) !== 1) factor++
  const product = BigInt(factor) * BigInt(position % count) + BigInt(random.integer(0, count))
  return Number(product % BigInt(count))
}
