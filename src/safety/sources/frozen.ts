/** The frozen evaluation of the closed world, of which nothing is ever learned. */
import { messagesOf, type EvaluationRow } from '../../eval/world/index.ts'
import type { Seed, SeedKind } from '../types.ts'

const kinds: Readonly<Record<string, SeedKind>> = { refusals: 'harmful', harmless: 'harmless' }

export function frozenSeeds(rows: readonly EvaluationRow[]): Seed[] {
  return rows.flatMap((row): Seed[] => {
    const kind = kinds[row.kind]
    if (kind === undefined) return []
    const text = messagesOf(row).at(-1)?.content ?? ''
    return [{ set: 'frozen', id: row.id, kind, text, group: text, isForMeasuring: true }]
  })
}
