/** All rows that a plan names. */
import { PocketPhiError } from '../base/errors.ts'
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
 * @throws PocketPhiError `invalid-config` for rows of one name; as `rowSeeds`
 */
export async function seedsOf(plan: SafetyPlan, draw: number, frozen: FrozenRows): Promise<Seed[]> {
  const lists = await Promise.all(plan.seeds.map((source) => seedsFrom(source, draw, frozen)))
  const seeds = lists.flat()
  checkIds(seeds)
  return seeds
}

/** Conversations are kept by the ids of their rows. */
function checkIds(seeds: readonly Seed[]): void {
  const known = new Set<string>()
  for (const { set, id } of seeds) {
    const name = `${set}/${id}`
    if (known.has(name)) {
      throw new PocketPhiError('invalid-config', `Two rows of the plan are called "${name}".`, {
        expected: 'each set once among "seeds", and an id of its own for each of its rows',
      })
    }
    known.add(name)
  }
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
