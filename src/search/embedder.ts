/** Who makes vectors of texts: a model of this package, or a server. */
export interface Embedder {
  /** As people know it. */
  readonly name: string
  /** Whether texts stay on this machine. */
  readonly isLocal: boolean
  /**
   * A vector of length 1 of each text. What there is no room for is cut.
   * @throws PocketPhiError `aborted`; what the model or the server throws
   */
  embed(texts: readonly string[], signal?: AbortSignal): Promise<readonly Float32Array[]>
  close(): Promise<void>
}

/** The sum of products, which of vectors of length 1 is the cosine between them. */
export function dot(a: Float32Array | Int8Array, b: Float32Array): number {
  let sum = 0
  // A search does this for every passage, and a call for each value would take a hundred times as long.
  for (let at = 0; at < a.length; at++) sum += (a[at] ?? 0) * (b[at] ?? 0)
  return sum
}

/** A vector of length 1 of the same direction; one without length stays. */
export function normalized(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dot(vector, vector)) || 1
  return vector.map((value) => value / length)
}
