import { tune } from 'pocket-phi/tune'
import { serveCalls } from 'pocket-phi/worker'
import type { TuningCalls } from './calls.ts'

serveCalls<TuningCalls>(globalThis, {
  tune: ({ model, conversations, steps }, { signal, tell }) =>
    tune(model, { conversations, steps, signal, onProgress: tell }),
})
