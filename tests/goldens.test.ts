import { describe } from 'vitest'
import { goldenTests } from './goldens-harness.ts'

describe.each(['wasm', 'ref'] as const)('the reference implementation of Phi-4-mini on %s', (backend) => {
  goldenTests(backend)
})
