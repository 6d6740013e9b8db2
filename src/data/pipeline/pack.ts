/** From tokens of documents to shards in the order in which a training reads them. */
import { closeSync, openSync, readSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PocketPhiError, present } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { writeFolderAtomic, type AtomicFolder } from '../../formats/atomic.ts'
import { manifestFile, tokenizerChecksum, writeShard, type ShardEntry, type ShardManifest } from '../shards/index.ts'
import { readJsonIfThere, type ShardName } from './files.ts'
import type { PackSettings } from './recipe.ts'
import { emptyReport, type Report } from './report.ts'
import { idsFile, lengthsFile, tokenizerFile, type TokenizedShard } from './tokenize.ts'

export interface PackTask {
  readonly kind: 'pack'
  readonly settings: PackSettings
  readonly seed: number
  readonly from: string
  readonly to: string
  readonly shards: readonly ShardName[]
}

/** The folder within that of the stage. */
export const packedFolder = 'shards'

/** Where the tokens of a document are. */
interface Located {
  readonly shard: number
  /** Ids of its shard before it. */
  readonly start: number
  readonly length: number
}

/** What there is: documents to learn from by part of the mixture, and those held out. */
interface Stock {
  readonly parts: readonly Located[][]
  readonly heldOut: readonly Located[]
}

async function stockOf({ settings, from, shards }: PackTask): Promise<Stock> {
  const parts: Located[][] = settings.mixture.map(() => [])
  const heldOut: Located[] = []
  for (const [shard, name] of shards.entries()) {
    const known = await readJsonIfThere<TokenizedShard>(lengthsFile(from, name))
    const { lengths, parts: partOf, heldOut: isHeldOut } = present(known, `lengths of ${name}`)
    let start = 0
    for (const [index, length] of lengths.entries()) {
      const into = isHeldOut[index] === 1 ? heldOut : present(parts[partOf[index] ?? -1], 'part')
      into.push({ shard, start, length })
      start += length
    }
  }
  return { parts, heldOut }
}

const tokensOf = (documents: readonly Located[]): number => documents.reduce((sum, { length }) => sum + length, 0)

/**
 * How many tokens each part gives. Without a number in all it is the most at which every part has its share and no document comes twice.
 */
export function budgetOf(
  available: readonly number[],
  { mixture, tokens, mostRepeats }: Pick<PackSettings, 'mixture' | 'tokens' | 'mostRepeats'>,
): number[] {
  const total = mixture.reduce((sum, { share }) => sum + share, 0)
  const shares = mixture.map(({ share }) => share / total)
  const whole = tokens ?? Math.min(...shares.map((share, part) => (available[part] ?? 0) / share))
  return shares.map((share, part) => Math.min(Math.round(share * whole), mostRepeats * (available[part] ?? 0)))
}

/** Documents of a part in an order of chance, round after round, until there are enough tokens. */
function drawn(documents: readonly Located[], tokens: number, random: Random): Located[] {
  const taken: Located[] = []
  let sum = 0
  while (sum < tokens && documents.length > 0) {
    for (const document of random.shuffle([...documents])) {
      if (sum >= tokens) break
      taken.push(document)
      sum += document.length
    }
  }
  return taken
}

/** A document in pieces of nearly the same length, none longer than an example may be. */
export function pieces({ shard, start, length }: Located, longest: number): Located[] {
  const count = Math.ceil(length / longest)
  return Array.from({ length: count }, (_, piece) => {
    const from = Math.floor((piece * length) / count)
    return { shard, start: start + from, length: Math.floor(((piece + 1) * length) / count) - from }
  })
}

/** Reads pieces from where the documents were tokenised. */
class TokenFiles {
  readonly #files: number[]

  constructor(folder: string, shards: readonly ShardName[]) {
    this.#files = shards.map((shard) => openSync(idsFile(folder, shard), 'r'))
  }

  read({ shard, start, length }: Located): Uint32Array {
    const ids = new Uint32Array(length)
    const bytes = new Uint8Array(ids.buffer)
    const read = readSync(present(this.#files[shard], 'file'), bytes, 0, bytes.length, 4 * start)
    if (read !== bytes.length)
      throw new PocketPhiError('invalid-file', 'A file of tokens ends early.', {
        remedy: 'Remove the folder of the stage "tokens" and run again.',
      })
    return ids
  }

  close(): void {
    for (const file of this.#files) closeSync(file)
  }
}

async function writeSet(
  into: AtomicFolder,
  name: string,
  texts: readonly Located[],
  files: TokenFiles,
  tokensPerShard: number,
): Promise<ShardEntry[]> {
  const entries: ShardEntry[] = []
  let examples: Uint32Array[] = []
  let tokens = 0
  const flush = async (): Promise<void> => {
    entries.push(await writeShard(into, `${name}-${String(entries.length).padStart(5, '0')}`, examples))
    examples = []
    tokens = 0
  }
  for (const text of texts) {
    examples.push(files.read(text))
    tokens += text.length
    if (tokens >= tokensPerShard) await flush()
  }
  if (examples.length > 0) await flush()
  return entries
}

/** Mixes and packs. */
export async function pack(task: PackTask): Promise<Report> {
  const { settings, seed, from, to, shards } = task
  const { longest, tokensPerShard } = settings
  const stock = await stockOf(task)
  const available = stock.parts.map(tokensOf)
  const budget = budgetOf(available, settings)
  const random = new Random(seed)
  const taken = stock.parts.map((documents, part) => drawn(documents, budget[part] ?? 0, random.fork(`part ${part}`)))
  const training = random.fork('order').shuffle(taken.flat().flatMap((document) => pieces(document, longest)))
  const heldOut = stock.heldOut.flatMap((document) => pieces(document, longest))
  const tokenizer = tokenizerChecksum(await readFile(tokenizerFile(settings.tokenizer), 'utf8'))
  const files = new TokenFiles(from, shards)
  try {
    const fill = async (into: AtomicFolder): Promise<void> => {
      const sets = {
        training: await writeSet(into, 'training', training, files, tokensPerShard),
        heldOut: await writeSet(into, 'held-out', heldOut, files, tokensPerShard),
      }
      const manifest: ShardManifest = { format: 1, tokenizer, longest, sets }
      await into.writeFile(manifestFile, `${JSON.stringify(manifest, undefined, 2)}\n`)
    }
    await writeFolderAtomic(join(to, packedFolder), fill, { replace: true })
  } finally {
    files.close()
  }
  const parts = taken.map((documents, part): [string, number] => [`tokens of part ${part + 1}`, tokensOf(documents)])
  const counts = {
    'tokens to learn from': tokensOf(training),
    'tokens held out': tokensOf(heldOut),
    'examples to learn from': training.length,
    'examples held out': heldOut.length,
    ...Object.fromEntries(parts),
  }
  return { ...emptyReport, counts }
}
