/**
 * How well models recall and read by what their cache holds keys and values in: those of the experiment on LongRoPE with the factors of its search, to
 * which `npm run longrope:experiment` extended them without training. docs/longrope.md has the tables (`npm run longrope:table`).
 *
 *     npm run longrope:formats [-- --seed 1 --seed 2 --work runs/longrope-experiment --documents 64 --passkeys 300]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { wasmBackend } from '../src/index.ts'
import { cacheDTypes, type CacheDType } from '../src/program/ops/cache.ts'
import { measureOutcomes, type Outcomes } from './longrope-measure.ts'

/** What one model gave. */
export interface FormatsResult {
  readonly seed: number
  /** By cache type, then by length. */
  readonly formats: Readonly<Record<CacheDType, readonly Outcomes[]>>
}

/** Where results are, for the tables. */
export const formatsFolder = new URL('../recipes/recall/cache-formats/', import.meta.url)

/** Losses with seven digits behind the point: far below what formats differ by. */
function rounded({ losses, found }: Outcomes): Outcomes {
  return { losses: losses.map((loss) => Number(loss.toFixed(7))), found }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', multiple: true, default: ['1', '2', '3'] },
      work: { type: 'string', default: 'runs/longrope-experiment' },
      documents: { type: 'string', default: '64' },
      passkeys: { type: 'string', default: '300' },
    },
  })
  const [documents, passkeys] = [Number(values.documents), Number(values.passkeys)]
  const backend = wasmBackend({ threads: 1 })
  mkdirSync(formatsFolder, { recursive: true })
  for (const seed of values.seed.map(Number)) {
    const folder = join(values.work, `seed-${seed}/models/LongRoPE`)
    const measured: [CacheDType, Outcomes[]][] = []
    for (const cacheType of cacheDTypes) {
      const outcomes = await measureOutcomes(folder, backend, { documents, passkeys, cacheType })
      measured.push([cacheType, outcomes.map(rounded)])
      const told = outcomes.map(({ found }) => `${found.filter(Boolean).length} of ${found.length}`)
      process.stdout.write(`seed ${seed}  ${cacheType}  keys ${told.join(', ')}\n`)
    }
    const result = { seed, formats: Object.fromEntries(measured) }
    writeFileSync(new URL(`seed-${seed}.json`, formatsFolder), `${JSON.stringify(result)}\n`)
  }
}

if (import.meta.main) await main()
