/** Who makes vectors for `--embed`: a model here, or one of a server. */
import { PocketPhiError } from '../base/errors.ts'
import { embedByEndpoint } from '../endpoint/embeddings.ts'
import type { PhiModel } from '../engine/phi-model.ts'
import { normalized, type Embedder } from '../search/embedder.ts'
import { beginningOf } from '../search/split.ts'
import { endpointOf } from './endpoint.ts'
import { modelPlace } from './model-folder.ts'
import { openModel } from './open-model.ts'

/**
 * @param name of a model, as commands take it, or `http://HOST/v1#NAME`
 * @throws PocketPhiError, UsageError as `modelPlace`, `openModel` and `endpointOf`
 */
export async function openEmbedder(name: string, signal?: AbortSignal): Promise<Embedder> {
  if (/^https?:/.test(name)) {
    const endpoint = await endpointOf(name)
    return {
      name: `${endpoint.url}#${endpoint.model}`,
      isLocal: false,
      embed: async (texts, stopped) => (await embedByEndpoint(endpoint, texts, stopped)).map(normalized),
      close: () => Promise.resolve(),
    }
  }
  const place = await modelPlace(name)
  const model = await openModel(place, { backend: 'auto' }, signal)
  return {
    name: place.name,
    isLocal: true,
    async embed(texts, stopped) {
      const vectors: Float32Array[] = []
      for (const text of texts) vectors.push(await embedBeginning(model, text, stopped))
      return vectors
    },
    close: () => model.dispose(),
  }
}

/** The vector of as much of a text as there is room for. */
async function embedBeginning(model: PhiModel, text: string, signal: AbortSignal | undefined): Promise<Float32Array> {
  for (let most = text.length; ; most = Math.ceil(most / 2)) {
    try {
      const [embedding] = await model.embed([beginningOf(text, most)], signal && { signal })
      return embedding?.vector ?? new Float32Array()
    } catch (error) {
      if (!(error instanceof PocketPhiError) || error.code !== 'context-full' || most <= 1) throw error
    }
  }
}
