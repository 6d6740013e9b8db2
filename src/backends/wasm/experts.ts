/** Experts of which some are in memory. Loaded by devices that have such ones, which are few. */
import { present } from '../../base/errors.ts'
import type { ExpertSource } from '../backend.ts'
import { ExpertCache } from './expert-cache.ts'
import { ExpertWalk, type RunCalls } from './expert-walk.ts'
import type { Layout } from './layout.ts'
import type { Segment } from './segments.ts'

export interface HeldExperts {
  readonly cache: ExpertCache
  /** Where all of them are. */
  readonly source: ExpertSource
  /** What runs their steps in one run of a program of these segments. */
  walk(segments: readonly Segment[], calls: RunCalls): ExpertWalk
}

/** The experts of a layout with pools for them. @param buffers of its memories, in order */
export function holdExperts(layout: Layout, buffers: readonly ArrayBufferLike[], source: ExpertSource): HeldExperts {
  const { store, placement, memories, longestStep: longest } = layout
  const places = store.pools.map(({ name }) => {
    const { memory, offset } = present(placement.places.get(name)?.[0], 'pool')
    const address = present(memories[memory], 'memory').storeStart + offset
    return { buffer: present(buffers[memory], 'memory'), address }
  })
  const cache = new ExpertCache(store.pools, places, source)
  return { cache, source, walk: (segments, calls) => new ExpertWalk(segments, { ...calls, cache, buffers, longest }) }
}
