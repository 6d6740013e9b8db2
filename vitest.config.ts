import { defineConfig } from 'vitest/config'
import { packageEntries } from './apps/web/build/plugins.ts'
import { softwareGpuFolder } from './tests/webgpu/software-gpu.ts'

/** Tests of the webgpu backend, which run in processes of their own: the GPU's library is found when a process starts. */
const gpuTests = ['src/**/*.gpu.test.ts', 'tests/**/*.gpu.test.ts']

export default defineConfig({
  resolve: { alias: await packageEntries() },
  test: {
    // Processes, because tests set V8 flags; two, because kernel and end-to-end tests start threads of their own.
    pool: 'forks',
    maxWorkers: 2,
    watch: false,
    // A machine that does much else at the same time may take minutes for what is seconds.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // How long something is awaited that comes by itself; whether it comes in time is no test.
    expect: { poll: { timeout: 120_000 } },
    reporters: ['default', './tests/reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'cpu',
          include: ['src/**/*.test.ts', 'tests/**/*.test.ts', 'bench/**/*.test.ts', '{apps,examples}/**/*.test.ts'],
          // Built pages hold sources that the pages link to.
          exclude: [...gpuTests, '**/dist/**'],
          // What is tested must not depend on whether the machine has a GPU.
          env: { POCKET_PHI_GPU: 'off' },
        },
      },
      {
        extends: true,
        test: {
          name: 'webgpu',
          include: gpuTests,
          globalSetup: './tests/webgpu/setup.ts',
          env: { LD_LIBRARY_PATH: softwareGpuFolder },
        },
      },
    ],
  },
})
