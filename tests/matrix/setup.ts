/** Gives every wasm backend of the suites the options of the combination that they run with. */
import { setFlagsFromString } from 'node:v8'
import { vi } from 'vitest'
import { useWideVectors } from '../../src/cli/wide.ts'
import { combined, givenCombination } from './combination.ts'

const combination = givenCombination()

if (combination.wide) {
  useWideVectors()
  // Only the optimising compiler widens, and tests are over before it would have its turn.
  setFlagsFromString('--no-liftoff')
}

vi.mock(import('../../src/backends/wasm/index.ts'), async (importOriginal) => {
  const original = await importOriginal()
  return { ...original, wasmBackend: (options) => original.wasmBackend(combined(combination, options)) }
})
