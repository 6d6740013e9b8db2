import { mergeConfig } from 'vitest/config'
import base from '../../vitest.config.ts'
import { formatCombination, givenCombination } from './combination.ts'

export default mergeConfig(base, {
  test: {
    name: formatCombination(givenCombination()),
    root: `${import.meta.dirname}/../..`,
    setupFiles: ['tests/matrix/setup.ts'],
    // The optimising compiler takes its time.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
})
