/**
 * Attention of a decoding row to a long cache, single thread: nanoseconds for each cached token and head of 96, by what the cache
 * holds, over a cache that fits into the processor's and over one that comes from memory.
 *
 *     node workshop/paged.ts
 */
import { instantiate, float } from '../src/backends/wasm/kernel-harness.ts'
import { pagedAttentionWorkspaceBytes } from '../src/backends/wasm/workspace.ts'
import { f32ToF16 } from '../src/blocks/half.ts'
import { isKvDType, type KvDType } from '../src/base/dtype.ts'
import { kvBytes, kvPool } from '../src/blocks/kv-pool.ts'
import { cacheDTypes, type CacheDType } from '../src/program/ops/cache.ts'
import { applyFlags, fillNoise, medianSeconds } from './bench.ts'

applyFlags()
const [heads, headSize, pageSize] = [32, 96, 64]

/** The values in 8 or 4 bits with scales. */
function packed(dtype: KvDType, pool: Float32Array): Uint8Array {
  const count = pool.length / headSize
  const bytes = new Uint8Array(kvBytes(dtype, count, headSize))
  const vectors = kvPool(dtype, bytes, pageSize, headSize)
  for (let place = 0; place < count; place++)
    vectors.write(place, pool.subarray(place * headSize, (place + 1) * headSize))
  return bytes
}

function nanoseconds(depth: number, layers: number, dtype: CacheDType): number {
  const harness = instantiate('relaxed', false)
  const pages = depth / pageSize
  const pool = new Float32Array(pages * heads * pageSize * headSize)
  fillNoise(pool, 1)
  const stored = dtype === 'f16' ? f32ToF16(pool) : isKvDType(dtype) ? packed(dtype, pool) : pool
  const pools = Array.from({ length: 2 * layers }, () => harness.put(stored))
  const q = new Float32Array(heads * headSize)
  fillNoise(q, 2)
  const [query, out] = [harness.put(q), harness.put(q)]
  const table = harness.put(Int32Array.from({ length: pages }, (_, page) => page))
  const [sequences, positions] = [harness.put(Int32Array.of(0)), harness.put(Int32Array.of(depth - 1))]
  const bytes = pagedAttentionWorkspaceBytes(headSize)
  const workspace = harness.alloc(bytes)
  const run = (): void => {
    for (let layer = 0; layer < layers; layer++) {
      const [keys = 0, values = 0] = pools.slice(2 * layer)
      const shape = [1, heads, heads, headSize, pages, 0, float(headSize ** -0.5)]
      const words = [
        keys,
        values,
        table,
        sequences,
        positions,
        query,
        out,
        ...shape,
        workspace,
        bytes,
        0,
        cacheDTypes.indexOf(dtype),
      ]
      harness.call('pagedAttention', words, 1)
    }
  }
  return (medianSeconds(run) / layers / depth / heads) * 1e9
}

for (const dtype of cacheDTypes) {
  const [cache, memory] = [nanoseconds(64, 1, dtype), nanoseconds(1024, 16, dtype)]
  console.log(`${dtype}: ${cache.toFixed(1)} ns from the cache, ${memory.toFixed(1)} ns from memory`)
}
