import { describe } from 'vitest'
import { referenceBackend } from '../src/backends/ref/index.ts'
import { wasmBackend } from '../src/backends/wasm/index.ts'
import { trainingGoldenTests } from './training-goldens-harness.ts'

describe('on ref', () => {
  trainingGoldenTests(referenceBackend)
})

describe('on wasm', () => {
  trainingGoldenTests(() => wasmBackend({ threads: 2 }))
})
