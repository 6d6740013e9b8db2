/** Where matrices of experts lie that are not all in memory: in the slots of a pool, of which each mixture has its own. */
import { tensorBytes, type StorePlan, type StoredTensor } from '../../program/plan.ts'
import type { Mixture } from '../../program/mixtures.ts'
import { guardedBytes } from './placement.ts'

/** Slots for the matrices of a mixture: a tensor of the store, in whose bytes the slots follow one another. */
export interface ExpertPool {
  readonly name: string
  readonly slots: number
  readonly slotBytes: number
  /** Bytes of every matrix, by its name. */
  readonly matrices: ReadonlyMap<string, number>
}

/** A store in which pools stand in the place of matrices of experts. */
export interface PooledStore extends StorePlan {
  readonly pools: readonly ExpertPool[]
}

/**
 * Takes the matrices of experts out of a store and gives each mixture a pool: slots as its matrices have a share in the bytes of all, at least one
 * and at most one for each. That no layer takes a slot from another keeps a pass, which visits all of them in turn, from ousting everything
 * before it is wanted again (as in Eliseev and Mazur, arXiv 2312.17238).
 *
 * @param cacheBytes what all pools take together, unless they take more with one slot each
 * @param mostPoolBytes what one takes, unless a single slot is larger
 */
export function poolExperts(
  { tensors }: StorePlan,
  mixtures: readonly Mixture[],
  cacheBytes: number,
  mostPoolBytes: number,
): PooledStore {
  const sizes = mixtures.map(({ matrices }) => new Map([...matrices].map(([name, type]) => [name, tensorBytes(type)])))
  const slotBytes = sizes.map((bytes) => guardedBytes(Math.max(...bytes.values())))
  const all = sizes.reduce((sum, { size }, index) => sum + size * (slotBytes[index] ?? 0), 0)
  const fraction = Math.min(1, cacheBytes / all)
  let [upToHere, given] = [0, 0]
  const pools = sizes.map((matrices, index): ExpertPool => {
    const size = slotBytes[index] ?? 0
    upToHere += matrices.size * size
    const share = Math.floor((upToHere * fraction - given) / size)
    const most = Math.min(matrices.size, Math.floor(mostPoolBytes / size))
    const slots = Math.max(1, Math.min(most, share))
    given += slots * size
    return { name: `experts.${index}`, slots, slotBytes: size, matrices }
  })
  const pooled = new Set(sizes.flatMap((matrices) => [...matrices.keys()]))
  const kept = [...tensors].filter(([name]) => !pooled.has(name))
  return { tensors: new Map([...kept, ...pools.map((pool) => [pool.name, tensorOf(pool)] as const)]), pools }
}

function tensorOf({ name, slots, slotBytes }: ExpertPool): StoredTensor {
  const bytes = slots * slotBytes
  return {
    name,
    origin: 'parameter',
    type: { dtype: 'u8', shape: [slots, slotBytes] },
    slabs: [{ row: 0, rows: slots, bytes }],
  }
}
