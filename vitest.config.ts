import { defineConfig } from 'vitest/config'
import { packageEntries } from './apps/web/build/plugins.ts'

export default defineConfig({
  resolve: { alias: await packageEntries() },
  test: {
    include: ['src/**/*.test.ts', 'tests/**/*.test.ts', 'bench/**/*.test.ts', 'apps/**/*.test.ts'],
    // Processes, because tests set V8 flags; two, because kernel and end-to-end tests start threads of their own.
    pool: 'forks',
    maxWorkers: 2,
    watch: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // How long something is awaited that comes by itself; whether it comes in time is no test.
    expect: { poll: { timeout: 20_000 } },
    reporters: ['default', './tests/reporter.ts'],
  },
})
