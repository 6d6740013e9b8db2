/** Vectors for an index, and searches by words and vectors together. */
import { PocketPhiError, throwIfAborted } from '../../base/errors.ts'
import { fuse } from '../choose.ts'
import type { Embedder } from '../embedder.ts'
import type { FindOptions, Passage, SearchProvider } from '../passage.ts'
import type { IndexFile } from './index-file.ts'

/** What every model is asked for, so that another one is known by its answer. */
const probeText = 'Vectors of other models point elsewhere.'

/** Passages between two times that vectors are written; a kill loses as many. */
const passagesAtOnce = 16

async function probeOf(embedder: Embedder, signal: AbortSignal | undefined): Promise<Float32Array> {
  const [probe = new Float32Array()] = await embedder.embed([probeText], signal)
  return probe
}

/** After each batch: how many passages have got a vector, of how many that had none. */
type OnVectors = (done: number, total: number) => void

/**
 * Makes the vectors that passages lack. A kill loses those of the last few, and the next run goes on.
 *
 * @param index that was opened to be written
 * @returns how many were made
 * @throws PocketPhiError `invalid-argument` where the index has vectors of another model; `aborted`; what the model and the index throw
 */
export async function updateVectors(
  index: IndexFile,
  embedder: Embedder,
  { onVectors, signal }: { readonly onVectors?: OnVectors; readonly signal?: AbortSignal | undefined } = {},
): Promise<number> {
  const probe = await probeOf(embedder, signal)
  if (!index.knowsEmbedder(embedder.name, probe)) index.setEmbedder(embedder.name, probe)
  const { total } = index.unembedded(0)
  let done = 0
  for (;;) {
    throwIfAborted(signal)
    const { passages } = index.unembedded(passagesAtOnce)
    if (passages.length === 0) return done
    const vectors = await embedder.embed(
      passages.map(({ title, text }) => `${title}\n${text}`),
      signal,
    )
    index.putVectors(new Map(passages.flatMap(({ id }, at) => (vectors[at] === undefined ? [] : [[id, vectors[at]]]))))
    done += passages.length
    onVectors?.(done, total)
  }
}

/**
 * An index that is searched by words and by vectors; ranks of both count (`fuse`). Vectors always have a nearest one, whatever is asked, so that it is the
 * words that say whether anything is found at all.
 */
export class VectorSearch implements SearchProvider {
  readonly name: string
  readonly isLocal: boolean
  readonly #index: IndexFile
  readonly #embedder: Embedder

  private constructor(index: IndexFile, embedder: Embedder) {
    this.name = index.name
    this.isLocal = embedder.isLocal
    this.#index = index
    this.#embedder = embedder
  }

  /** @throws PocketPhiError `invalid-argument` for an index without vectors, or with those of another model; what the model throws */
  static async open(index: IndexFile, embedder: Embedder, signal?: AbortSignal): Promise<VectorSearch> {
    const probe = await probeOf(embedder, signal)
    if (!index.knowsEmbedder(embedder.name, probe)) throw noVectors(index, embedder)
    return new VectorSearch(index, embedder)
  }

  /** @throws PocketPhiError as `IndexFile.find`; what the model throws */
  async find(query: string, { count, signal }: FindOptions): Promise<readonly Passage[]> {
    const byWords = await this.#index.find(query, { count: 2 * count, signal })
    if (byWords.length === 0) return []
    const [vector] = await this.#embedder.embed([query], signal)
    const byVectors = vector === undefined ? [] : this.#index.nearest(vector, 2 * count)
    return fuse([byWords, byVectors]).slice(0, count)
  }

  /** The embedder is closed by whoever opened it. */
  async close(): Promise<void> {
    await this.#index.close()
  }
}

function noVectors(index: IndexFile, { name }: Embedder): PocketPhiError {
  return new PocketPhiError('invalid-argument', `The index "${index.name}" has no vectors.`, {
    remedy: `Make them: phi index FOLDER --out ${index.name} --embed ${name}`,
  })
}
