/** Vectors of texts from a server with OpenAI's interface. */
import { z } from 'zod'
import { PocketPhiError } from '../base/errors.ts'
import { askEndpoint, type Endpoint } from './endpoint.ts'

const embeddingsSchema = z.object({
  data: z.array(z.object({ index: z.number().int().min(0), embedding: z.array(z.number()).min(1) })),
})

/**
 * A vector of each text, in their order.
 *
 * @throws PocketPhiError as `askEndpoint`; `invalid-file` where it answers with other vectors than one for each text, all of one width
 */
export async function embedByEndpoint(
  endpoint: Endpoint,
  texts: readonly string[],
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  const body = { model: endpoint.model, input: texts, encoding_format: 'float' }
  const { data } = await askEndpoint(endpoint, 'embeddings', body, embeddingsSchema, { signal })
  const byIndex = new Map(data.map(({ index, embedding }) => [index, Float32Array.from(embedding)]))
  const vectors = texts.flatMap((_, index) => byIndex.get(index) ?? [])
  const widths = new Set(vectors.map(({ length }) => length))
  if (vectors.length === texts.length && widths.size <= 1) return vectors
  throw new PocketPhiError('invalid-file', `The vectors of ${endpoint.url} cannot be used.`, {
    expected: `${texts.length} vectors of one width`,
    found: `${vectors.length} of widths ${[...widths].join(', ')}`,
  })
}
