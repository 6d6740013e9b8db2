/** What the suites are run with, and how the processes of a run are told. */
import { PocketPhiError } from '../../src/base/errors.ts'
import type { WasmOptions } from '../../src/backends/wasm/index.ts'

/** Left out is what a suite chooses itself. */
export interface Combination {
  readonly simd?: 'baseline' | 'relaxed'
  /** Kernels for wide vectors, compiled with V8's widening on. */
  readonly wide: boolean
  readonly threads?: number
}

const variable = 'POCKET_PHI_COMBINATION'

/** "relaxed wide threads 2" */
export function formatCombination({ simd, wide, threads }: Combination): string {
  const parts = [simd ?? 'both builds', wide ? 'wide' : 'plain', threads === undefined ? '' : `threads ${threads}`]
  return parts.join(' ').trimEnd()
}

/** The environment in which `givenCombination` finds it. */
export function environmentOf(combination: Combination): NodeJS.ProcessEnv {
  return { ...process.env, [variable]: JSON.stringify(combination) }
}

/** The combination of this process. @throws PocketPhiError `invalid-argument` without one */
export function givenCombination(): Combination {
  const json = process.env[variable]
  if (json !== undefined) return JSON.parse(json) as Combination
  throw new PocketPhiError('invalid-argument', 'There is no combination to run the suites with.', {
    expected: `the variable ${variable}`,
    remedy: 'Use npm run test:matrix.',
  })
}

/** The options of a backend in a suite: its own builds and kernels go before the combination's, its threads do not. */
export function combined(options: WasmOptions, { simd, wide, threads }: Combination): WasmOptions {
  const { mode, ...others } = options
  const own = threads === undefined ? options : { ...others, threads }
  return { wide, ...(simd === undefined ? {} : { simd }), ...own }
}
