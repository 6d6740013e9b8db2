/** What the benches of this folder share: medians, f32 noise, and the flags of the command line. */
import v8 from 'node:v8'
import { Random } from '../src/base/random.ts'

export const revectorize = process.argv.includes('--revectorize')

/** Must run before a module's bytes are first compiled; see docs of V8's flag. */
export function applyFlags(): void {
  if (revectorize) v8.setFlagsFromString('--experimental-wasm-revectorize')
}

/** Median seconds of `repeats` runs, each of as many calls as fill about `target` seconds. */
export function medianSeconds(work: () => void, repeats = 5, target = 0.15): number {
  work()
  let calls = 1
  let elapsed = seconds(work, calls)
  while (elapsed < target / 4 && calls < 1e6) {
    calls = Math.ceil(calls * Math.min(10, Math.max(2, target / 2 / elapsed)))
    elapsed = seconds(work, calls)
  }
  calls = Math.max(1, Math.round((calls * target) / elapsed))
  const times = Array.from({ length: repeats }, () => seconds(work, calls) / calls).sort((a, b) => a - b)
  return times[repeats >> 1] as number
}

function seconds(work: () => void, calls: number): number {
  const start = performance.now()
  for (let call = 0; call < calls; call++) work()
  return (performance.now() - start) / 1000
}

export function fillNoise(values: Float32Array, seed: number): void {
  const random = new Random(seed)
  for (let index = 0; index < values.length; index++) values[index] = random.float() * 2 - 1
}
