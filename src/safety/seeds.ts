/** All rows that a plan names. */
import { folderOfRows } from '../eval/benchmarks/rows.ts'
import type { EvaluationRow } from '../eval/world/index.ts'
import type { SafetyPlan, SeedSource } from './plan.ts'
import { frozenSeeds } from './sources/frozen.ts'
import { rowSeeds } from './sources/rows.ts'
import { worldSeeds } from './sources/world.ts'
import type { Seed } from './types.ts'

/** Gives the questions of the frozen evaluation. */
export type FrozenRows = () => Promise<readonly EvaluationRow[]>

/**
 * @param draw where rows are generated, another number gives others: 0 for measuring, that of a round for finding
 * @throws PocketPhiError as `rowSeeds`
 */
export async function seedsOf(plan: SafetyPlan, draw: number, frozen: FrozenRows): Promise<Seed[]> {
  const lists = await Promise.all(plan.seeds.map((source) => seedsFrom(source, draw, frozen)))
  return lists.flat()
}

async function seedsFrom(source: SeedSource, draw: number, frozen: FrozenRows): Promise<Seed[]> {
  switch (source.source) {
    case 'world':
      return worldSeeds(source, draw)
    case 'frozen':
      return frozenSeeds(await frozen())
    case 'rows': {
      const { folder, sets, limit = Infinity, learn } = source
      const lists = await Promise.all(sets.map((set) => rowSeeds(folderOfRows(folder), set, limit, !learn)))
      return lists.flat()
    }
  }
}
