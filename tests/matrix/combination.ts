/** What the suites are run with, and how the processes of a run are told. */
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PocketPhiError } from '../../src/base/errors.ts'
import type { WasmOptions } from '../../src/backends/wasm/index.ts'

/** Left out is what a suite chooses itself. */
export interface Combination {
  readonly simd?: 'baseline' | 'relaxed'
  /** How the relaxed build multiplies bytes. */
  readonly products?: 'fours' | 'pairs'
  /** Kernels for wide vectors, compiled with V8's widening on. */
  readonly wide: boolean
  readonly threads?: number
  /** Where processes of a matrix keep for each other what does not depend on the combination. */
  readonly folder: string
}

const variable = 'POCKET_PHI_COMBINATION'

/** "relaxed pairs wide threads 2" */
export function formatCombination({ simd, products, wide, threads }: Omit<Combination, 'folder'>): string {
  const build = [simd ?? 'both builds', ...(products === undefined ? [] : [products])]
  return [...build, wide ? 'wide' : 'plain', ...(threads === undefined ? [] : [`threads ${threads}`])].join(' ')
}

/** The environment in which `givenCombination` finds it. */
export function environmentOf(combination: Combination): NodeJS.ProcessEnv {
  return { ...process.env, [variable]: JSON.stringify(combination) }
}

function readCombination(): Combination | undefined {
  const json = process.env[variable]
  return json === undefined ? undefined : (JSON.parse(json) as Combination)
}

/** The combination of this process. @throws PocketPhiError `invalid-argument` without one */
export function givenCombination(): Combination {
  const combination = readCombination()
  if (combination !== undefined) return combination
  throw new PocketPhiError('invalid-argument', 'There is no combination to run the suites with.', {
    expected: `the variable ${variable}`,
    remedy: 'Use npm run test:matrix.',
  })
}

/** What the oracle says: computed once in a matrix, of which every combination compares itself with the same. */
export async function onceInMatrix(name: string, compute: () => Promise<Float32Array>): Promise<Float32Array> {
  const folder = readCombination()?.folder
  if (folder === undefined) return await compute()
  const file = join(folder, name)
  if (existsSync(file)) return new Float32Array((await readFile(file)).slice().buffer)
  const values = await compute()
  await writeFile(file, values)
  return values
}

/** The options of a backend in a suite: its own builds and kernels go before the combination's, its threads do not. */
export function combined({ simd, products, wide, threads }: Combination, options: WasmOptions = {}): WasmOptions {
  const own = threads === undefined ? options : ({ ...options, threads, mode: 'auto' } as const)
  return { wide, ...(simd === undefined ? {} : { simd }), ...(products === undefined ? {} : { products }), ...own }
}
