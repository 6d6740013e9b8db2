import { isKvDType, type DType } from '../../base/dtype.ts'
import { present } from '../../base/errors.ts'
import { f16ToNumber, numberToF16 } from '../../blocks/half.ts'
import { kv4Group } from '../../blocks/kv4.ts'
import { kvPool, type KvPool } from '../../blocks/kv-pool.ts'
import type { Tensor } from '../trace.ts'
import type { AttentionAttributes } from './attention.ts'
import { blockPatternOf, checkPattern, seesPosition } from './block-pattern.ts'
import {
  defineOp,
  floats,
  integers,
  operand,
  require,
  shapeOf,
  tensorType,
  type ReferenceTensor,
} from './definition.ts'

/** Tokens in a page of the key-value cache; the block of phi-3-small's sparse attention. */
export const pageSize = 64

/**
 * From so many consecutive rows of a sequence on, kernels may do the attention of all of them together, with other last bits than
 * row by row; a row has the same bits in every block.
 */
export const leastBlockRows = 5

/** The keys and values of a layer, and which of the pool's pages and slots each row of the batch belongs to. */
export interface PagedCache {
  /** f32[pages, kvHeads, 64, headSize] */
  readonly keys: Tensor
  readonly values: Tensor
  /** i32[sequences, pages of a sequence]: the pool's page that holds positions [64 p, 64 p + 64). */
  readonly pageTable: Tensor
  /** i32[R]: the row of the page table; negative for padding rows. */
  readonly sequences: Tensor
  /** i32[R]: the position of the row in its sequence. */
  readonly positions: Tensor
}

/** Sums of products of more bytes with 16 bits would leave 32 bits. */
const largestByteHead = 256

/** What the cache may hold keys and values in, from the most exact to the smallest. */
export const cacheDTypes = ['f32', 'f16', 'kv8', 'kv4'] as const
export type CacheDType = (typeof cacheDTypes)[number]

function isCacheDType(dtype: DType): dtype is CacheDType {
  return (cacheDTypes as readonly DType[]).includes(dtype)
}

/** The largest half and the least one that is not subnormal. */
const [largestHalf, leastHalf] = [65504, 2 ** -14]

/**
 * The values that a cache of this type holds of those that are written: halves are rounded to nearest, ties to even; beyond the
 * largest they are that one, and below the least normal one 0, since subnormal numbers are slow.
 */
function stored(values: Float64Array, dtype: DType): Float64Array {
  if (dtype !== 'f16') return values
  return values.map((value) => {
    if (Math.abs(value) < leastHalf) return 0
    return f16ToNumber(numberToF16(Math.max(-largestHalf, Math.min(largestHalf, value))))
  })
}

/** The vectors of a pool, by their place: ((page * kvHeads) + head) * 64 + slot. */
function vectorsOf(pool: ReferenceTensor | undefined): KvPool {
  const { type, data } = present(pool, 'pool')
  const size = present(type.shape[3], 'head size')
  if (data instanceof Uint8Array && isKvDType(type.dtype)) return kvPool(type.dtype, data, pageSize, size)
  return {
    read: (place) => floats(pool).subarray(place * size, (place + 1) * size),
    write: (place, values) => floats(pool).set(stored(Float64Array.from(values), type.dtype), place * size),
  }
}

interface CacheOperands {
  readonly pages: number
  readonly kvHeads: number
  readonly headSize: number
  readonly rows: number
}

function checkCache(kind: string, inputs: readonly Tensor['type'][]): CacheOperands {
  const [keys, values, pageTable, sequences, positions] = inputs
  const [pages, kvHeads, , headSize] = operand(kind, 'keys', keys, isCacheDType, null, null, pageSize, null)
  const { dtype } = present(keys, 'keys')
  operand(kind, 'values', values, dtype, pages, kvHeads, pageSize, headSize)
  require(dtype !== 'kv8' ||
    headSize <= largestByteHead, kind, `a cache in kv8 takes heads of at most ${largestByteHead}, not ${headSize}`)
  require(dtype !== 'kv4' ||
    headSize % kv4Group === 0, kind, `a cache in kv4 takes heads of a multiple of ${kv4Group}, not ${headSize}`)
  operand(kind, 'pageTable', pageTable, 'i32', null, null)
  const [rows] = operand(kind, 'sequences', sequences, 'i32', null)
  operand(kind, 'positions', positions, 'i32', rows)
  return { pages, kvHeads, headSize, rows }
}

/** The place of the vector of (sequence, position, head) in the pool. */
function placeOf(inputs: readonly ReferenceTensor[], sequence: number, position: number, head: number): number {
  const [keys, , pageTable] = inputs
  const [, kvHeads = 0] = shapeOf(keys)
  const pagesOfSequence = present(shapeOf(pageTable)[1], 'pages of a sequence')
  const page = present(integers(pageTable)[sequence * pagesOfSequence + Math.floor(position / pageSize)], 'page')
  return (page * kvHeads + head) * pageSize + (position % pageSize)
}

const applyCacheWrite = defineOp({
  kind: 'cacheWrite',
  infer(inputs) {
    const { kvHeads, headSize, rows } = checkCache('cacheWrite', inputs)
    operand('cacheWrite', 'key', inputs[5], 'f32', rows, kvHeads * headSize)
    operand('cacheWrite', 'value', inputs[6], 'f32', rows, kvHeads * headSize)
    return []
  },
  derivative: 'none',
  mutates: [0, 1],
  reference(inputs) {
    const [keys, values, , sequences, positions, key, value] = inputs
    const [, kvHeads = 0, , headSize = 0] = shapeOf(keys)
    const pools = [vectorsOf(keys), vectorsOf(values)] as const
    integers(sequences).forEach((sequence, row) => {
      if (sequence < 0) return
      for (let head = 0; head < kvHeads; head++) {
        const place = placeOf(inputs, sequence, present(integers(positions)[row], 'position'), head)
        const from = (row * kvHeads + head) * headSize
        pools[0].write(place, floats(key).subarray(from, from + headSize))
        pools[1].write(place, floats(value).subarray(from, from + headSize))
      }
    })
  },
})

const applyPagedAttention = defineOp<AttentionAttributes>({
  kind: 'pagedAttention',
  infer(inputs, attributes) {
    const { heads, kvHeads, headSize, window } = attributes
    const cache = checkCache('pagedAttention', inputs)
    checkPattern('pagedAttention', window, blockPatternOf(attributes))
    require(cache.kvHeads === kvHeads && cache.headSize === headSize, 'pagedAttention', 'the cache has other heads')
    operand('pagedAttention', 'query', inputs[5], 'f32', cache.rows, heads * headSize)
    return [tensorType('f32', cache.rows, heads * headSize)]
  },
  derivative: 'none',
  reference(inputs, [output], attributes) {
    const { heads, kvHeads, headSize, window, scale } = attributes
    const pattern = blockPatternOf(attributes)
    const [keys, values, , sequences, positions, query] = inputs
    const result = floats(output)
    const [keyVectors, valueVectors] = [vectorsOf(keys), vectorsOf(values)]
    integers(sequences).forEach((sequence, row) => {
      if (sequence < 0) return
      const position = present(integers(positions)[row], 'position')
      const first = window === 0 ? 0 : Math.max(0, position - window + 1)
      for (let head = 0; head < heads; head++) {
        const kvHead = Math.floor((head * kvHeads) / heads)
        const queryAt = (row * heads + head) * headSize
        const scores: number[] = []
        const seen: number[] = []
        for (let other = first; other <= position; other++) {
          if (pattern !== undefined && !seesPosition(pattern, head, position, other)) continue
          const vector = keyVectors.read(placeOf(inputs, sequence, other, kvHead))
          let score = 0
          for (let index = 0; index < headSize; index++) {
            score += (floats(query)[queryAt + index] as number) * (vector[index] as number)
          }
          scores.push(score * scale)
          seen.push(other)
        }
        const greatest = Math.max(...scores)
        const total = scores.reduce((sum, score) => sum + Math.exp(score - greatest), 0)
        scores.forEach((score, index) => {
          const vector = valueVectors.read(placeOf(inputs, sequence, present(seen[index], 'position'), kvHead))
          const weight = Math.exp(score - greatest) / total
          for (let component = 0; component < headSize; component++) {
            const at = queryAt + component
            result[at] = (result[at] as number) + weight * (vector[component] as number)
          }
        })
      }
    })
  },
})

/**
 * Writes the keys and values of the rows into the cache, then lets every row attend to all cached positions of its own
 * sequence up to and including its own. query [R, heads * headSize], key and value [R, kvHeads * headSize].
 */
export function cachedAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  cache: PagedCache,
  attributes: AttentionAttributes,
): Tensor {
  return attendUntil(query, key, value, cache, cache.positions, attributes)
}

/**
 * The same for rows of which each sees its sequence up to a position of its own, which may come after it: with the last one for all,
 * every row sees every row. `seen` i32[R]; up to it all positions must have been written.
 */
export function attendUntil(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  cache: PagedCache,
  seen: Tensor,
  attributes: AttentionAttributes,
): Tensor {
  const pool = [cache.keys, cache.values, cache.pageTable, cache.sequences]
  applyCacheWrite([...pool, cache.positions, key, value], {})
  return present(applyPagedAttention([...pool, seen, query], attributes)[0], 'attention')
}

const applyCopyPages = defineOp({
  kind: 'copyPages',
  infer([pool, from, to]) {
    operand('copyPages', 'pool', pool, isCacheDType, null, null, pageSize, null)
    const [count] = operand('copyPages', 'from', from, 'i32', null)
    operand('copyPages', 'to', to, 'i32', count)
    return []
  },
  derivative: 'none',
  mutates: [0],
  reference([pool, from, to]) {
    const { data } = present(pool, 'pool')
    const size = data.length / present(shapeOf(pool)[0], 'pages')
    integers(from).forEach((page, index) => {
      data.copyWithin(present(integers(to)[index], 'page') * size, page * size, (page + 1) * size)
    })
  },
})

/** Copies whole pages inside a pool: the write half of copy-on-write. */
export function copyPages(pool: Tensor, from: Tensor, to: Tensor): void {
  applyCopyPages([pool, from, to], {})
}
