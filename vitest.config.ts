import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'tests/**/*.test.ts', 'bench/**/*.test.ts'],
    // Processes, because tests set V8 flags; two, because kernel and end-to-end tests start threads of their own.
    pool: 'forks',
    maxWorkers: 2,
    watch: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', './tests/reporter.ts'],
  },
})
